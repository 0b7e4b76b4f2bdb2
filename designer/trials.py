"""Trials: train a reward's policies, play them, score what they did. Three jobs, three boxes.

    train    the reward, no fitness            -> policy file, and what the box says of itself
    rollout  the policies, nothing else        -> trajectories
    score    the fitness and the trajectories  -> numbers an episode

Only the last one's numbers ever rank a candidate. Random play, a baseline, has no first job. A baseline's jobs are the same in
every run of its task, world, budget and seeds: `baselines.py` keeps what they left.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from designer import shared_result, variants
from designer.aids import MAX_AIDS, MAX_NAME, MAX_POINTS, AidLog
from designer.archive import BASELINES, HUMAN, RANDOM, SPARSE
from designer.config import Config
from designer.course import CourseLog
from designer.errors import SandboxError, TaskError
from designer.evidence import Paid, gather
from designer.executors import Job, JobResult, Progress
from designer.executors.results import Played, Scored, read_played, read_scored
from designer.executors.resumable import job_digest
from designer.journal import TrialsFinished
from designer.records import Evidence, Measure, Score, Status, Task, Trace, Trial
from designer.search import Batch
from designer.seeds import episode_seed
from designer.stages import MOST, form_of
from designer.text import one_line
from designer.workbench import CHECKPOINT, EXPLANATION, POLICY, TRAJECTORIES, Workbench, batch_folder

NOTHING_TRAINED = JobResult(Status.OK, "", {}, 0.0, 0.0, "")
START_UP_CPU_S = 60
EVALUATION_CPU_S_PER_1K_STEPS = 3.0
POLICY_BYTES = 128 * 1024**2
MAX_TRACES, MAX_TRACE_POINTS = 40, 20
MAX_GATE_EVENTS, MAX_COURSE_POINTS = 40, 60


class Judged(NamedTuple):
    """Scores of a batch's policies, [policy][checkpoint], or why there are none; and what else their episodes show.

    factors: the means of the order's factors, [policy][checkpoint][factor].
    """

    status: Status
    error: str
    scores: Sequence[tuple[Score, ...]]
    evidence: Sequence[Evidence] = ()
    factors: Sequence[tuple[tuple[float, ...], ...]] = ()


def run_batch(bench: Workbench, batch: Batch, source: str, progress: Progress, before: Sequence[Trial] = ()) -> TrialsFinished:
    """Train and judge one reward on a batch of seeds.

    source: a candidate's code (unused for a baseline). before: the same seeds' trials up to `batch.since`.
    """
    folder = batch_folder(batch)
    cache = bench.cache if batch.candidate in BASELINES else None
    if cache and (kept := cache.fetch(batch_spec(bench, batch, source), bench.folder / folder)):
        trials = tuple(trial.model_copy(update={"folder": folder, "from_cache": True}) for trial in kept.trials)
        return kept.model_copy(update={"trials": trials})
    found = _train_and_judge(bench, batch, source, progress, before)
    if cache and all(trial.status is Status.OK for trial in found.trials):
        cache.keep(batch_spec(bench, batch, source), bench.folder / folder, found)
    return found


def batch_spec(bench: Workbench, batch: Batch, source: str) -> dict[str, Any]:
    """Say all that a batch's result depends on, but for the code that works in the boxes."""
    return {
        "train": None if batch.candidate == RANDOM else job_digest(_train_job(bench, batch, source)),
        "rollout": _rollout_spec(bench, batch),
        "score": _score_spec(bench),
    }


def _train_and_judge(
    bench: Workbench, batch: Batch, source: str, progress: Progress, before: Sequence[Trial]
) -> TrialsFinished:
    folder = batch_folder(batch)
    training = NOTHING_TRAINED
    if batch.candidate != RANDOM:
        training = train(bench, batch, source, bench.folder / folder / "train", progress)
    if training.status is Status.OK:
        judged = judge(bench, batch, source, bench.folder / folder)
    else:
        judged = Judged(training.status, training.error, ())
    earlier = {trial.seed: trial for trial in before}
    trials = [_trial(bench, batch, k, training, judged, earlier.get(seed)) for k, seed in enumerate(batch.seeds)]
    walls = training.walls or bench.executor.walls()
    return TrialsFinished(trials=tuple(trials), walls=f"{bench.executor.name} ({walls})")


def _trial(bench: Workbench, batch: Batch, k: int, training: JobResult, judged: Judged, before: Trial | None) -> Trial:
    """Put together what is known of the k-th seed of a batch; `before` is its trial up to where this piece began."""
    traces = _traces(training, k)
    return Trial(
        candidate=batch.candidate,
        purpose=batch.purpose,
        seed=batch.seeds[k],
        status=judged.status,
        error=judged.error,
        steps=0 if batch.candidate == RANDOM else round(batch.until * bench.task.steps),
        until=batch.until,
        scores=((*before.scores, *judged.scores[k]) if before else judged.scores[k]) if judged.scores else (),
        traces=traces,
        evidence=judged.evidence[k] if judged.evidence else None,
        factors=((*before.factors, *judged.factors[k]) if before else judged.factors[k]) if judged.factors else (),
        course=_course(training, k),
        aids=_aids(training, k),
        variants=_variants(training, k),
        folder=batch_folder(batch),
        together=shared_result.beside(bench.folder / batch_folder(batch) / "train", [before] if before else []),
        train_cpu_s=training.cpu_s / len(batch.seeds) + (before.train_cpu_s if before else 0.0),
        wall_s=training.wall_s + (before.wall_s if before else 0.0),
    )


def train(bench: Workbench, batch: Batch, source: str, folder: Path, progress: Progress) -> JobResult:
    """Run the training box: all of the training, or the piece of it that the batch names."""
    shared = shared_result.stored(folder)
    result = shared.result if shared else bench.executor.run(_train_job(bench, batch, source), folder, progress)
    result = _with_files(result, folder, (POLICY,) if batch.until >= 1 else (POLICY, CHECKPOINT))
    if batch.candidate == SPARSE and result.status is not Status.OK:
        hint = " Is the fitness right?" if result.status is Status.REJECTED else ""
        raise TaskError(f"training on the fitness itself failed: {result.error}.{hint} See {folder}.")
    return result


def _train_job(bench: Workbench, batch: Batch, source: str) -> Job:
    config = bench.config
    reward = paid(bench.task, batch.candidate, source)
    files = dict(reward.files)
    spec = {**training_spec(bench, batch), "reward": reward.spec}
    if config.training.trainer != "ppo":
        spec["trainer"] = config.training.trainer
    elif batch.candidate not in BASELINES and form_of(source) == "stages":
        curriculum = config.curriculum
        spec["stages"] = {"input": curriculum.input, "bonus": curriculum.bonus, "gated": curriculum.gates}
    if config.aids and batch.candidate not in BASELINES:
        spec["aids"] = aids_for(bench)
    if batch.since > 0:
        files[CHECKPOINT] = paused_at(bench, batch)
    return Job("train", spec, files, bench.limits(START_UP_CPU_S + training_cpu_s(bench, batch), POLICY_BYTES))


def aids_for(bench: Workbench) -> dict[str, Any]:
    """Return a candidate's job's `aids`. Raises ConfigError where the world doesn't have the variants that are asked for."""
    config = bench.config.variants
    names = variants.chosen(config, bench.table.variants, bench.table.world)
    varied = {"variants": variants.for_the_trainer(config, names, bench.schedule)} if names else {}
    return {**bench.config.aids, **varied}


def training_spec(bench: Workbench, batch: Batch) -> dict[str, Any]:
    """Return what a training job says of the training, whatever pays in it."""
    config = bench.config
    spec = {
        "world": bench.table.world,
        "seeds": list(batch.seeds),
        "steps": bench.task.steps,
        "fractions": fractions(config, batch),
        "settings": config.training.for_the_trainer,
    }
    if batch.until < 1:
        spec["until"] = batch.until
    if batch.since > 0:
        spec["resume"] = True
    return spec


def training_cpu_s(bench: Workbench, batch: Batch) -> float:
    """Return the CPU time that a batch's training may use, starting aside [s]."""
    steps = (batch.until - batch.since) * bench.task.steps * len(batch.seeds)
    return bench.config.executor.cpu_s_per_1k_steps * steps / 1000


def paused_at(bench: Workbench, batch: Batch) -> Path:
    """Return the checkpoint that a batch goes on from."""
    return bench.folder / batch_folder(batch._replace(until=batch.since)) / "train" / CHECKPOINT


def _with_files(result: JobResult, folder: Path, needed: Sequence[str]) -> JobResult:
    """Call a training crashed that says it went well and left out what it had to send."""
    missing = [name.partition(".")[0] for name in needed if not (folder / name).is_file()]
    if result.status is Status.OK and missing:
        return result._replace(status=Status.CRASHED, error=f"the training box sent no {missing[0]}")
    return result


def fractions(config: Config, batch: Batch) -> list[float]:
    """Return the shares of the training after which this batch keeps a checkpoint; the last is where it ends."""
    if batch.candidate == RANDOM:
        return [1.0]
    points = config.evaluation.checkpoints
    evenly = [(k + 1) / points for k in range(points)]
    return [share for share in evenly if batch.since < share < batch.until] + [batch.until]


def paid(task: Task, candidate: str, source: str) -> Paid:
    """Say what pays in a training box. The fitness enters the sparse baseline's box only; no candidate is in there."""
    if candidate == HUMAN:
        assert task.human is not None
        return Paid({"kind": "code", "entry": task.human.name}, {"reward.py": task.human.source.encode()})
    if candidate == SPARSE and task.sparse is not None:
        return Paid({"kind": "step_measure", "measure": measure_spec(task.sparse)}, {})
    if candidate == SPARSE:
        assert task.fitness is not None
        return Paid({"kind": "episode_measure", "measure": measure_spec(task.fitness)}, {})
    return Paid({"kind": "code", "entry": "reward"}, {"reward.py": source.encode()})


def measure_spec(measure: Measure) -> dict[str, Any]:
    """Return a measure as the scorer reads it."""
    return measure.model_dump(mode="json", exclude={"text"})


def judge(bench: Workbench, batch: Batch, source: str, folder: Path) -> Judged:
    """Play the trained policies and score them, in two boxes without any candidate's code; then gather evidence."""
    rollout = _rollout(bench, batch, folder)
    if rollout.status is Status.REJECTED:
        return Judged(Status.CRASHED, rollout.error, ())
    if rollout.status is not Status.OK:
        raise SandboxError(f"playing the policies in {folder} failed ({rollout.status}): {rollout.error}")
    played = read_played(rollout.content, len(fractions(bench.config, batch)), len(batch.seeds))
    scored = read_scored(_score(bench, folder), played.episodes, bench.table.episode_steps, len(bench.task.order))
    looks = bench.analyses and batch.purpose == "search" and batch.until >= 1
    found = gather(bench, batch, paid(bench.task, batch.candidate, source), played, scored) if looks else ()
    return Judged(Status.OK, "", scores(played, scored, bench, batch), found, factor_means(played, scored, len(batch.seeds)))


def _rollout(bench: Workbench, batch: Batch, folder: Path) -> JobResult:
    spec = _rollout_spec(bench, batch)
    episodes = spec["episodes"] + (spec["checkpoints"] - 1) * spec["earlier_episodes"]
    steps = bench.table.episode_steps * len(batch.seeds) * episodes
    limits = bench.limits(START_UP_CPU_S + EVALUATION_CPU_S_PER_1K_STEPS * steps / 1000)
    files: dict[str, bytes | Path] = {} if batch.candidate == RANDOM else {POLICY: folder / "train" / POLICY}
    return bench.executor.run(Job("rollout", spec, files, limits), folder / "rollout", _silent)


def _rollout_spec(bench: Workbench, batch: Batch) -> dict[str, Any]:
    evaluation = bench.config.evaluation
    spec = {
        "world": bench.table.world,
        "checkpoints": len(fractions(bench.config, batch)),
        "policies": len(batch.seeds),
        "episodes": evaluation.episodes,
        "earlier_episodes": math.ceil(evaluation.checkpoint_episodes / len(batch.seeds)),
        "seed": episode_seed(bench.config.search.seed, batch.purpose),
    }
    return {**spec, "random_seeds": list(batch.seeds)} if batch.candidate == RANDOM else spec


def _score(bench: Workbench, folder: Path) -> Mapping[str, Any]:
    files: dict[str, bytes | Path] = {TRAJECTORIES: folder / "rollout" / TRAJECTORIES}
    result = bench.executor.run(Job("score", _score_spec(bench), files, bench.limits(600)), folder / "score", _silent)
    if result.status is not Status.OK:
        what = f"the fitness {bench.task.fitness}" if not result.error.startswith("factor ") else "judging"
        raise TaskError(f"{what} failed ({result.status}): {result.error}")
    return result.content


def _score_spec(bench: Workbench) -> dict[str, Any]:
    task = bench.task
    assert task.fitness is not None
    spec = {
        "fitness": measure_spec(task.fitness),
        "success": measure_spec(task.success) if task.success else None,
        "dt_s": bench.table.dt_s,
        "step_limit": bench.table.episode_steps,
    }
    means = [{"kind": "expression", "tree": {"op": "mean", "args": [factor.value.tree]}} for factor in task.order]
    return {**spec, "factors": means} if means else spec


def scores(played: Played, scored: Scored, bench: Workbench, batch: Batch) -> list[tuple[Score, ...]]:
    """Reduce episodes to one score a policy and checkpoint. Returns [policy][checkpoint]."""
    found: list[list[Score]] = [[] for _ in batch.seeds]
    kept_at = fractions(bench.config, batch)
    at = 0
    for checkpoint, policy, episodes in played.index:
        mine = slice(at, at + episodes)
        at += episodes
        success = None if scored.success is None else sum(scored.success[mine]) / episodes
        found[policy].append(
            Score(
                fraction=kept_at[checkpoint],
                fitness=sum(scored.fitness[mine]) / episodes,
                success=success,
                episode_s=sum(scored.length[mine]) / episodes * bench.table.dt_s,
                episodes=episodes,
            )
        )
    return [tuple(sorted(row, key=lambda score: score.fraction)) for row in found]


def factor_means(played: Played, scored: Scored, policies: int) -> list[tuple[tuple[float, ...], ...]]:
    """Reduce episodes to each factor's mean, in the scores' order: [policy][checkpoint][factor]; [] without an order."""
    if not scored.factors:
        return []
    found: list[dict[int, tuple[float, ...]]] = [{} for _ in range(policies)]
    at = 0
    for checkpoint, policy, episodes in played.index:
        found[policy][checkpoint] = tuple(sum(factor[at : at + episodes]) / episodes for factor in scored.factors)
        at += episodes
    return [tuple(row[checkpoint] for checkpoint in sorted(row)) for row in found]


def tidy(run_folder: Path, folder: str = "candidates") -> None:
    """Remove trajectories that were scored and recorded: the policies and the seeds bring them back."""
    for pattern in (TRAJECTORIES, f"{EXPLANATION}/episodes-*.safetensors"):
        for path in (run_folder / folder).rglob(pattern):
            path.unlink(missing_ok=True)


def _traces(training: JobResult, policy: int) -> tuple[Trace, ...]:
    """Read what the training box says of its terms: text, whatever it holds."""
    try:
        own = training.content["traces"][policy]
        return tuple(
            Trace.model_validate({**t, "name": one_line(str(t["name"]), 60), "mean": t["mean"][:MAX_TRACE_POINTS]})
            for t in own[:MAX_TRACES]
        )
    except (KeyError, IndexError, TypeError, ValidationError):
        return ()


def _course(training: JobResult, policy: int) -> CourseLog | None:
    """Read what the training box says of its curriculum: text, whatever it holds. None where it says nothing, or nonsense."""
    try:
        own = training.content["stages"][policy]
        stages = [{**stage, "name": one_line(str(stage["name"]), 60)} for stage in own["stages"][:MOST]]
        found = CourseLog.model_validate({**own, "stages": stages})
    except (KeyError, IndexError, TypeError, ValidationError):
        return None
    fits = all(event.stage <= len(stages) for event in found.events) and all(
        len(p.reached) == len(stages) for p in found.points
    )
    if not (fits and stages):
        return None
    return found.model_copy(update={"events": found.events[:MAX_GATE_EVENTS], "points": found.points[:MAX_COURSE_POINTS]})


def _aids(training: JobResult, policy: int) -> tuple[AidLog, ...]:
    """Read what the training box says of its aids: text, whatever it holds."""
    try:
        own = training.content["aids"][policy][:MAX_AIDS]
        found = [AidLog.model_validate({**aid, "name": one_line(str(aid["name"]), MAX_NAME)}) for aid in own]
    except (KeyError, IndexError, TypeError, ValidationError):
        return ()
    return tuple(
        aid.model_copy(update={"at": aid.at[:MAX_POINTS], "value": aid.value[:MAX_POINTS]})
        for aid in found
        if len(aid.at) == len(aid.value)
    )


def _variants(training: JobResult, policy: int) -> variants.VariantLog | None:
    """Read what the training box says of the variants that it played: text, whatever it holds."""
    try:
        return variants.read_log(training.content["variants"][policy])
    except (KeyError, IndexError, TypeError, ValidationError):
        return None


def _silent(_: Mapping[str, float]) -> None:
    """A short job needs no progress."""
