"""What the real worker sends fits `sandbox/result.schema.json`, and the host makes scores of it: tiny jobs in real boxes."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from designer.aid_settings import VariantsConfig
from designer.assemble import describe_job
from designer.bundle import bundle_root
from designer.config import Config
from designer.environments import environment_python
from designer.executors import Executor, Job, JobResult, JobVerb, Limits
from designer.executors.embedded import Embedded
from designer.executors.results import read_analysed, read_explained, read_probed, read_stills, read_table
from designer.factors import parse_order
from designer.proposing import probe
from designer.records import Function, StateTable, Status, Task, Trial, Verdict
from designer.runs import stage_worker_code
from designer.screening import compare
from designer.search import Batch
from designer.task import find_task, resolve_task
from designer.trials import run_batch
from designer.workbench import Workbench
from tests.contract.worker_files import validator

LIMITS = Limits(cpu_s=60, wall_s=120)
CONFIG = Config.model_validate(
    {
        "training": {"num_envs": 8},
        "evaluation": {"checkpoints": 3, "episodes": 2, "checkpoint_episodes": 1},
    }
)
GOOD = "def reward(s, a):\n    return {'upright': s.rod_upright, 'effort': -0.01 * a.square().sum(-1)}\n"
STAGED = f"{GOOD}def is_up(s):\n    return s.rod_upright > 0\nSTAGES = [Stage('up', is_up)]\n"
BATCH = Batch("g01c00", "search", (1, 2))
COURSE = Batch("g01c01", "search", (1,))


class Played(NamedTuple):
    """What a few jobs in real boxes left."""

    folder: Path
    executor: Executor
    table: StateTable
    verdict: Verdict
    trials: tuple[Trial, ...]
    staged: Trial

    def result(self, place: str) -> dict[str, Any]:
        return json.loads((self.folder / place / "result.json").read_text())


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Describe a world, probe a reward, train it on two seeds, play and score the policies."""
    folder = tmp_path_factory.mktemp("played")
    stage_worker_code(folder / "code")
    executor = Embedded(environment_python("native"), folder / "code")
    table = read_table(executor.run(describe_job("pendulum", CONFIG), folder / "describe", silent).content)
    bench = Workbench(task(table), table, CONFIG, executor, folder, analyses=True)
    verdict = probe(GOOD, bench, "probe")
    paid = read_probed(json.loads((folder / "probe" / "result.json").read_text()))
    assert paid is not None
    assert paid.rewards is not None
    compare(bench, [paid.rewards, paid.rewards], 1, "compare")
    probe(STAGED, bench, "probe-staged")
    (staged,) = run_batch(bench, COURSE, STAGED, silent).trials
    return Played(folder, executor, table, verdict, run_batch(bench, BATCH, GOOD, silent).trials, staged)


def task(table: StateTable) -> Task:
    shipped = resolve_task(find_task("pendulum_swing_up", bundle_root() / "envs"), table)
    assert shipped.success is not None
    order = parse_order(("upright: rod_upright", "calm: -norm(action)"), table)
    return shipped.model_copy(update={"steps": 3000, "order": order})


def silent(_: object) -> None:
    pass


TRIALS = "candidates/g01c00/search-s1-2"


@pytest.mark.parametrize(
    ("verb", "place"),
    [
        ("describe", "describe"),
        ("probe", "probe"),
        ("train", f"{TRIALS}/train"),
        ("rollout", f"{TRIALS}/rollout"),
        ("score", f"{TRIALS}/score"),
        ("analyse", f"{TRIALS}/analyse"),
        ("explain", f"{TRIALS}/explain"),
        ("compare", "compare"),
        ("probe", "probe-staged"),
        ("train", "candidates/g01c01/search-s1/train"),
    ],
)
def test_job_and_result_of_a_verb_fit(played: Played, verb: JobVerb, place: str) -> None:
    validator("job", verb).validate(json.loads((played.folder / place / "job.json").read_text()))
    validator("result").validate(played.result(place))
    validator("result", verb).validate(played.result(place))


def test_host_makes_scores_of_what_the_worker_sends(played: Played) -> None:
    assert played.verdict.status is Status.OK
    assert [(trial.status, trial.seed) for trial in played.trials] == [(Status.OK, 1), (Status.OK, 2)]
    for trial in played.trials:
        assert [score.fraction for score in trial.scores] == pytest.approx([1 / 3, 2 / 3, 1])
        assert [score.episodes for score in trial.scores] == [1, 1, 2]
        assert all(0 <= score.fitness <= 1 and score.success is not None for score in trial.scores)
        assert [score.episode_s for score in trial.scores] == pytest.approx([played.table.episode_s] * 3)
        assert [trace.name for trace in trial.traces] == ["upright", "effort"]
        assert all(len(trace.mean) == 10 for trace in trial.traces)


def test_curriculum_is_judged_like_any_candidate_and_tells_its_course(played: Played) -> None:
    assert played.staged.status is Status.OK
    assert played.staged.result is not None
    assert played.staged.course is not None
    (stage,) = played.staged.course.stages
    assert (stage.name, stage.share) == ("up", pytest.approx(0.8))
    assert played.staged.course.points
    assert {trace.name for trace in played.staged.traces} == {"upright", "effort", "stage_reward", "stage_bonus"}


def test_variants_of_a_grid_are_declared_played_and_told(played: Played, tmp_path: Path) -> None:
    """From the world's table to a trial, through real boxes; the episodes that judge are the task's own."""
    described = played.executor.run(describe_job("MiniGrid-Empty-6x6-v0", CONFIG), tmp_path / "describe", silent)
    validator("result", "describe").validate(json.loads((tmp_path / "describe" / "result.json").read_text()))
    table = read_table(described.content)
    assert table.variants == tuple(f"MiniGrid-Empty-{size}x{size}-v0" for size in (6, 5, 8, 16))
    config = CONFIG.model_copy(update={"variants": VariantsConfig(rule="even", among=table.variants[1], own=0.5)})
    fitness = Function(file="fitness.py", name="far", source="def far(t):\n    return t.agent_position.max(axis=(1, 2))\n")
    wanted = Task(name="go", text="Go.", world=table.world, fitness=fitness, fitness_origin="given", steps=1024)
    bench = Workbench(wanted, table, config, played.executor, tmp_path)
    (trial,) = run_batch(bench, COURSE, "def reward(s, a):\n    return {'near': -s.goal_distance}\n", silent).trials
    result = json.loads((tmp_path / "candidates/g01c01/search-s1/train/result.json").read_text())
    validator("result", "train").validate(result)
    assert trial.variants is not None
    assert trial.variants.names == table.variants[:2]
    assert trial.variants.steps[0] > trial.variants.steps[1] > 0
    assert trial.variants.points[-1].shares == (1.0, 0.0)
    rollout = json.loads((tmp_path / "candidates/g01c01/search-s1/rollout/job.json").read_text())
    assert rollout["world"] == "MiniGrid-Empty-6x6-v0"


def test_scores_are_means_of_the_episodes_in_the_indexs_order(played: Played) -> None:
    index, fitness = played.result(f"{TRIALS}/rollout")["index"], played.result(f"{TRIALS}/score")["fitness"]
    assert index == [[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1], [2, 0, 2], [2, 1, 2]]
    first, second = played.trials
    assert [score.fitness for score in first.scores] == pytest.approx([fitness[0], fitness[2], sum(fitness[4:6]) / 2])
    assert [score.fitness for score in second.scores] == pytest.approx([fitness[1], fitness[3], sum(fitness[6:]) / 2])


def test_factors_are_means_of_the_same_episodes(played: Played) -> None:
    upright, calm = played.result(f"{TRIALS}/score")["factors"]
    first, second = played.trials
    assert [point[0] for point in first.factors] == pytest.approx([upright[0], upright[2], sum(upright[4:6]) / 2])
    assert [point[1] for point in second.factors] == pytest.approx([calm[1], calm[3], sum(calm[6:]) / 2])
    assert all(-1 <= value <= 1 for value in upright)
    assert all(value < 0 for value in calm)


SLOW = GOOD.replace("return", "[1 for _ in iter(int, 1)]\n    return")
RAISES = "def reward(s, a):\n    return {'term': 1 / 0}\n"


def test_shared_boxs_result_fits_and_a_slow_candidate_is_ended_in_a_sealed_process(played: Played) -> None:
    spec = json.loads((played.folder / TRIALS / "train" / "job.json").read_text())
    kept = {name: spec[name] for name in ("world", "seeds", "steps", "fractions", "settings")}
    files = {f"reward-{k}.py": source.encode() for k, source in enumerate((GOOD, SLOW, RAISES))}
    job = Job("train_together", {**kept, "candidates": 3, "entry": "reward", "reward_cpu_s": 1.0}, files, LIMITS)
    result = ended(played, "together", job)
    assert result.status is Status.OK, result.error
    assert [each["status"] for each in result.content["candidates"]] == ["ok", "timed_out", "crashed"]
    validator("result", "train_together").validate(played.result("together"))
    validator("result").validate(played.result("together"))
    assert not (played.folder / "together" / "policy-1.safetensors").exists()
    alone = json.loads((played.folder / TRIALS / "train" / "result.json").read_text())["traces"]
    for mine, theirs in zip(result.content["candidates"][0]["traces"], alone, strict=True):
        assert mine[0]["mean"] == pytest.approx(theirs[0]["mean"], rel=1e-3, abs=1e-4)


def ended(played: Played, place: str, job: Job) -> JobResult:
    return played.executor.run(job, played.folder / place, silent)


def test_failures_fit_too(played: Played) -> None:
    policy = played.folder / TRIALS / "train" / "policy.safetensors"
    two_policies = {"checkpoints": 3, "policies": 2, "seed": 1}
    jobs = {
        "unknown_world": Job("describe", {"world": "pendulumm", "seed": 0}, {}, LIMITS),
        "bad_reward": Job(
            "probe",
            {"world": "pendulum", "seed": 0, "entry": "reward"},
            {"reward.py": GOOD.replace("rod_", "").encode()},
            LIMITS,
        ),
        "other_world": Job(
            "rollout",
            {"world": "hopper", **two_policies, "episodes": 1, "earlier_episodes": 0},
            {"policy.safetensors": policy},
            LIMITS,
        ),
    }
    results = {place: ended(played, place, job) for place, job in jobs.items()}
    for place in jobs:
        validator("result").validate(played.result(place))
        validator("result", "failed").validate(played.result(place))
    assert results["unknown_world"].status is Status.REJECTED
    assert "Did you mean pendulum" in results["unknown_world"].error
    assert results["bad_reward"].status is Status.CRASHED
    assert results["bad_reward"].error.startswith("line 2: AttributeError: the state has no field 'upright'.")
    assert results["other_world"].status is Status.REJECTED
    assert results["other_world"].error.startswith("the policy file was refused")


def test_clip_or_the_reason_why_there_is_none_fits(played: Played) -> None:
    policy = played.folder / TRIALS / "train" / "policy.safetensors"
    spec = {"world": "pendulum", "checkpoints": 3, "policies": 2, "policy": 1, "seed": 1, "seconds": 0.2}
    result = ended(played, "clip", Job("render", spec, {"policy.safetensors": policy}, LIMITS))
    assert result.status in (Status.OK, Status.REJECTED), result.error
    validator("result", "render" if result.status is Status.OK else "failed").validate(played.result("clip"))


def test_stills_or_the_reason_why_there_are_none_fit(played: Played) -> None:
    policy = played.folder / TRIALS / "train" / "policy.safetensors"
    spec = {"world": "pendulum", "checkpoints": 3, "policies": 2, "policy": 1, "seed": 1, "seconds": 0.5, "stills": 3}
    result = ended(played, "stills", Job("render", spec, {"policy.safetensors": policy}, LIMITS))
    assert result.status in (Status.OK, Status.REJECTED), result.error
    validator("job", "render").validate(json.loads((played.folder / "stills" / "job.json").read_text()))
    validator("result", "render" if result.status is Status.OK else "failed").validate(played.result("stills"))
    if result.status is Status.OK:
        assert len(read_stills(result.content, 3)) == 3
        assert not (played.folder / "stills" / "clip.mp4").exists()


@pytest.mark.parametrize("world", ["ant", "half_cheetah", "hopper"])
def test_every_other_world_runs_from_the_staged_code(played: Played, world: str) -> None:
    result = ended(played, f"describe-{world}", describe_job(world, CONFIG))
    assert result.status is Status.OK, result.error
    validator("result", "describe").validate(played.result(f"describe-{world}"))
    assert read_table(result.content).world == world


def test_analysis_tells_each_policys_best_and_worst_episode_in_stages_and_events(played: Played) -> None:
    analysed = read_analysed(played.result(f"{TRIALS}/analyse"))
    assert len(analysed.policies) == 2
    for policy in analysed.policies:
        assert policy.best.fitness >= policy.worst.fitness
        assert {"rod_angle", "rod_upright"} & set(policy.best.stages)
        assert all(len(means) + 1 == len(policy.best.edges) for means in policy.best.stages.values())


def test_explanation_tells_what_each_term_paid_in_every_episode(played: Played) -> None:
    explained = read_explained(played.result(f"{TRIALS}/explain"), episodes=8)
    assert explained is not None
    assert [term.name for term in explained.terms] == ["upright", "effort"]
    fitness = played.result(f"{TRIALS}/score")["fitness"]
    upright = explained.terms[0].episodes
    assert max(upright) <= 1
    assert (upright[0] > upright[1]) == (fitness[0] > fitness[1]) or fitness[0] == fitness[1]


def test_evidence_of_a_trial_names_its_terms_and_their_shares(played: Played) -> None:
    for trial in played.trials:
        assert trial.evidence is not None
        assert [term.name for term in trial.evidence.terms] == ["upright", "effort"]
        assert sum(term.share for term in trial.evidence.terms) == pytest.approx(1)
        assert trial.evidence.longest_s == pytest.approx(played.table.episode_s)


def test_probe_tells_where_random_play_is_paid_most_and_least(played: Played) -> None:
    probed = read_probed(played.result("probe"))
    assert probed is not None
    highest, lowest = probed.extremes.highest, probed.extremes.lowest
    assert highest.total > lowest.total
    assert highest.state["rod_upright"][0] > lowest.state["rod_upright"][0]
    assert set(highest.terms) == {"upright", "effort"}
