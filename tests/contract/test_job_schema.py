"""Every job that the host makes fits `sandbox/job.schema.json`, which lets nothing else through."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

from designer.archive import HUMAN, SPARSE, Archive
from designer.assemble import describe_job
from designer.config import Config, TrainingConfig
from designer.executors import JobVerb
from designer.executors.embedded import CHECK
from designer.executors.fake import Fake
from designer.executors.folder import prepare_folder
from designer.executors.results import Signature
from designer.expression import parse_episode, parse_step
from designer.factors import parse_order
from designer.filming import film
from designer.journal import CandidateProposed, RunFinished, RunStarted
from designer.proposing import probe
from designer.records import Candidate, Function, Status, Task, Verb, Verdict
from designer.runs import Run
from designer.screening import compare
from designer.search import Batch
from designer.together import train_together
from designer.trials import run_batch
from designer.variants import Schedule
from designer.workbench import Workbench
from tests.contract.worker_files import annotated_names, constant, schema, validator
from tests.designer.cheetah_table import cheetah_table
from tests.designer.example_run import example_run, trained, trial

SOURCE = "def reward(s, a):\n    return {'run': s.torso_velocity[:, 0] * 1.5}\n"
STAGED = f"{SOURCE}def fast(s):\n    return s.torso_velocity[:, 0] > 1\nSTAGES = [Stage('fast', fast)]\n"
CONFIG = Config.model_validate({"evaluation": {"checkpoints": 2, "episodes": 2, "checkpoint_episodes": 1}})


def task(**changes: Any) -> Task:
    made = Task(
        name="forward",
        text="Run.",
        world="half_cheetah",
        fitness=parse_episode("mean(norm(torso_velocity)) - 0.1 * std(action[bthigh])", cheetah_table()),
        fitness_origin="given",
        human=Function(file="human.py", name="forward", source=SOURCE.replace("reward", "forward")),
        steps=1000,
    )
    return made.model_copy(update=changes)


def bench(folder: Path, task: Task) -> Workbench:
    return Workbench(task, cheetah_table(), CONFIG, Fake(), folder, analyses=True)


def silent(_: object) -> None:
    pass


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every kind of job.json that the host writes."""
    root = tmp_path_factory.mktemp("jobs")
    plain = bench(root / "plain", task())
    run_batch(plain, Batch("g01c00", "search", (1,)), SOURCE, silent)
    run_batch(plain, Batch("g01c00", "final", (1000, 1001, 1002)), SOURCE, silent)
    paused = run_batch(plain, Batch("g01c01", "search", (1,), until=0.5), SOURCE, silent)
    run_batch(plain, Batch("g01c01", "search", (1,), since=0.5), SOURCE, silent, paused.trials)
    for pieces in ({"until": 0.5}, {"since": 0.5}):
        group = [Batch(name, "search", (5, 6), **pieces) for name in ("g01c03", "g01c04")]
        train_together(plain, archive_of("g01c03", "g01c04"), group, lambda batch, numbers: None)
    run_batch(with_sb3(plain), Batch("g01c02", "search", (1,)), SOURCE, silent)
    run_batch(plain, Batch("g01c03", "search", (1,)), STAGED, silent)
    run_batch(with_variants(plain), Batch("g01c05", "search", (1,)), SOURCE, silent)
    run_batch(plain, Batch(HUMAN, "final", (1000,)), "", silent)
    run_batch(plain, Batch(SPARSE, "final", (1000,)), "", silent)
    probe(SOURCE, plain, "candidates/g01c00/probe")
    compare(plain, [Signature(play=(1.0,)), Signature(play=(2.0,), wide=(1.0,))], 1, "compare")
    fitness = Function(file="fitness.py", name="fast", source="def fast(t):\n    return t.length\n")
    rich = bench(
        root / "rich", task(fitness=fitness, success=fitness, sparse=parse_step("torso_velocity[x] * time", cheetah_table()))
    )
    run_batch(rich, Batch(SPARSE, "final", (1000,)), "", silent)
    ordered = parse_order(("speed: torso_velocity[x]", "level: torso_pitch < 1"), cheetah_table())
    run_batch(bench(root / "ordered", task(order=ordered)), Batch("g01c00", "search", (1,)), SOURCE, silent)
    prepare_folder(describe_job("half_cheetah", CONFIG), root / "describe")
    prepare_folder(CHECK, root / "check")
    film(finished_run(root / "filmed"), Fake())
    return [json.loads(path.read_text()) for path in sorted(root.rglob("job.json"))]


def archive_of(*names: str) -> Archive:
    """Candidates that were proposed and not trained."""
    sound = Verdict(status=Status.OK)
    rewards = [Candidate(id=n, round=1, sample=0, verb=Verb.INIT, proposer="composer", source=SOURCE) for n in names]
    return Archive.of(CandidateProposed(candidate=reward, verdict=sound) for reward in rewards)


def with_sb3(plain: Workbench) -> Workbench:
    return plain._replace(config=Config.model_validate({"training": {"trainer": "sb3"}}))


def with_variants(plain: Workbench) -> Workbench:
    """Settings that ask for every aid, in a world that declares variants, with a schedule of an earlier winner."""
    asked = {
        "variants": {"rule": "window"},
        "fading": {"reward": 0.5, "clock": False, "discount": "ads"},
        "help": {"carry": 0.5},
    }
    names = ("half_cheetah", "short", "long")
    shares = ((0.2, 0.3, 0.5), (1.0, 0.0, 0.0))
    kept = Schedule(names=names, at=(0.0, 0.5), shares=shares, learner={"steps": 1000.0}, rule="alp")
    config = Config.model_validate({**asked, "evaluation": plain.config.evaluation.model_dump()})
    return plain._replace(config=config, table=plain.table.model_copy(update={"variants": names}), schedule=kept)


def finished_run(folder: Path) -> Run:
    ended = trial("g01c00", "final", 1000, 1.0)
    (folder / ended.folder / "train").mkdir(parents=True)
    (folder / ended.folder / "train" / "policy.safetensors").write_bytes(b"policy")
    started = RunStarted(task="0", config="{}", proposer="composer", sandbox="fake", fitness="", version="0")
    return example_run(folder, [started, trained(ended), RunFinished(reason="done", winner="g01c00")], config=CONFIG)


def test_schemas_are_schemas() -> None:
    for name in ("job", "result"):
        Draft202012Validator.check_schema(schema(name))


def test_host_worker_and_schemas_know_the_same_verbs() -> None:
    verbs = set(get_args(JobVerb))
    assert set(constant("sandbox/worker.py", "VERBS")) == verbs
    assert {one["$ref"] for one in schema("job")["oneOf"]} == {f"#/$defs/{verb}" for verb in verbs}
    assert {one["$ref"] for one in schema("result")["oneOf"]} == {f"#/$defs/{verb}" for verb in (*verbs, "failed")}


def test_host_worker_and_schema_know_the_same_trainers() -> None:
    others = set(constant("sandbox/worker.py", "TRAINERS"))
    assert set(schema("job")["$defs"]["train"]["properties"]["trainer"]["enum"]) == others
    assert set(get_args(TrainingConfig.model_fields["trainer"].annotation)) == {"ppo", *others}


def test_schema_knows_the_trainers_settings() -> None:
    assert list(schema("job")["$defs"]["settings"]["properties"]) == annotated_names("sandbox/ppo.py", "Settings")


def test_the_host_was_asked_for_every_verb_and_every_kind_of_reward(jobs: list[dict[str, Any]]) -> None:
    assert {job["verb"] for job in jobs} == set(get_args(JobVerb))
    assert {job["reward"]["kind"] for job in jobs if job["verb"] == "train"} == {"code", "step_measure", "episode_measure"}
    assert {job["success"] is None for job in jobs if job["verb"] == "score"} == {True, False}
    assert {len(job.get("factors", ())) for job in jobs if job["verb"] == "score"} == {0, 2}


def test_every_job_fits(jobs: list[dict[str, Any]]) -> None:
    whole = validator("job")
    for job in jobs:
        whole.validate(job)
        validator("job", job["verb"]).validate(job)


def test_job_with_a_part_missing_or_added_does_not_fit(jobs: list[dict[str, Any]]) -> None:
    whole = validator("job")
    for job in jobs:
        for path in objects(job):
            for changed in (*missing(job, path), *added(job, path)):
                assert not whole.is_valid(changed), changed


def objects(content: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every object in a job."""
    if isinstance(content, dict):
        yield at
    parts = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, part in parts:
        yield from objects(part, (*at, key))


OPTIONAL = {
    *("index", "args", "name", "value", "num_envs", "gamma", "until", "resume", "trainer", "stages", "factors"),
    *("aids", "anneal", "discount", "timeless", "help", "variants", "schedule"),
}
"""Settings have defaults, and so has a training in one piece; not every task has an order of factors, and each aid is off
unless it is asked for; what a tree's operation has is its interpreter's matter."""


def missing(job: dict[str, Any], path: tuple[str | int, ...]) -> Iterator[dict[str, Any]]:
    for key in sorted(set(_within(job, path)) - OPTIONAL):
        changed = copy.deepcopy(job)
        del _within(changed, path)[key]
        yield changed


def added(job: dict[str, Any], path: tuple[str | int, ...]) -> Iterator[dict[str, Any]]:
    changed = copy.deepcopy(job)
    _within(changed, path)["surprise"] = 1
    yield changed


def _within(content: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        content = content[key]
    return content
