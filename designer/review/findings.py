"""What a run found, in numbers: the winner and the baselines on the final seeds, what separates them, what it cost."""

from __future__ import annotations

from collections import Counter

from designer.archive import BASELINES, HUMAN, RANDOM, Archive
from designer.feedback.guards import alarms_of, bottleneck, fitness_range
from designer.records import Record, Status
from designer.runs import Run
from designer.statistics import Interval, Reading, interval, mean, paired_difference, reading
from designer.text import one_line


class Arm(Record):
    """The winner's or a baseline's final trainings.

    scores: (training seed, final fitness) of every seed that ended well. failed: how many didn't.
    success: share of the judging episodes that succeeded, or None where the task has no such test.
    """

    name: str
    scores: tuple[tuple[int, float], ...]
    mean: float | None
    interval: Interval | None
    failed: int
    success: float | None


class Comparison(Record):
    """The winner against a baseline on the seeds that both have. `reading` says where the winner is."""

    baseline: Arm
    seeds: int
    difference: Interval | None
    reading: Reading


class Scale(Record):
    """From random play, 0, to the human-written reward, 1: what human-normalised scores are measured on.

    denominator: the human-written reward minus random play, seed by seed. refused: why nothing may be divided by it, or "".
    """

    zero: float
    denominator: Interval
    refused: str

    def of(self, value: float) -> float | None:
        """Return a fitness on this scale, or None where it is refused."""
        return None if self.refused else (value - self.zero) / self.denominator.mean


class Costs(Record):
    """What a run used. Tokens are None where an endpoint didn't say: unknown isn't zero.

    trainings: those of this run; cached: baselines that an earlier run trained.
    steps: environment steps of the trainings that ended well.
    wall_s: from the journal's first entry to its last, pauses included.
    """

    trainings: int
    cached: int = 0
    failed: dict[str, int]
    steps: int
    train_cpu_s: float
    wall_s: float
    calls: int
    prompt_tokens: int | None
    completion_tokens: int | None


class RunVerdict(Record):
    """How a run stands. `winner` is None where there is none (yet); `leader` is the best search score so far.

    scale: of human-normalised scores; None where a baseline for it is missing (yet).
    on_search_seeds: what the baselines reach on the search's first seed, for a run that isn't finished.
    selection_gap: the winner's search score minus its final mean.
    solved: whether the winner's final mean reaches the task's `solved_at`; None where one of them is missing.
    refused: candidates that no training saw, by status.
    alarms: candidates by the kind of alarm that they raised. bottleneck: why no reward seems to help, or "".
    """

    finished: bool
    reason: str
    unit: str
    winner: Arm | None
    comparisons: tuple[Comparison, ...]
    finalists: int
    leader: str | None
    search_score: float | None
    search_seeds: int
    on_search_seeds: dict[str, float]
    scale: Scale | None
    selection_gap: float | None
    solved_at: float | None
    solved: bool | None
    tried: int
    refused: dict[str, int]
    alarms: dict[str, int]
    bottleneck: str
    costs: Costs
    fitness_origin: str = "given"
    factors: tuple[tuple[str, float], ...] = ()
    ranked_by: str = ""


def judged(run: Run, archive: Archive, wall_s: float) -> RunVerdict:
    """Sum up a run. `wall_s`: seconds from the journal's first entry to its last."""
    finished = archive.finished
    chosen = finished.winner if finished else None
    winner = arm_of(archive, chosen) if chosen else None
    ranked = archive.ranked()
    leader = chosen or (ranked[0].id if ranked else None)
    search_score = archive.search_score(leader) if leader else None
    final = winner.mean if winner else None
    solved_at = run.task.solved_at
    names = [factor.name for factor in run.task.order]
    reached = archive.factors(chosen, "final") if chosen else None
    there = [name for name in (*run.baselines, RANDOM) if archive.trials_of(name, "final")]
    return RunVerdict(
        finished=finished is not None,
        reason=one_line(finished.reason) if finished else "",
        unit=run.task.fitness_unit,
        fitness_origin=run.task.fitness_origin,
        winner=winner,
        comparisons=tuple(compare(winner, arm_of(archive, name)) for name in there),
        scale=scale_of(arm_of(archive, HUMAN), arm_of(archive, RANDOM)),
        finalists=sum(bool(archive.trials_of(name, "final")) for name in archive.candidates),
        leader=leader,
        search_score=search_score,
        search_seeds=len(archive.search_scores(archive.original(leader))) if leader else 0,
        on_search_seeds={name: score for name in BASELINES if (score := archive.search_score(name)) is not None},
        selection_gap=None if search_score is None or final is None else search_score - final,
        solved_at=solved_at,
        solved=None if solved_at is None or final is None else final >= solved_at,
        tried=len(archive.candidates),
        refused=_by_status([verdict.status for verdict in archive.verdicts.values()]),
        alarms=_alarmed(archive),
        bottleneck=bottleneck(archive),
        costs=costs_of(archive, wall_s),
        factors=tuple(zip(names, reached, strict=True)) if reached else (),
        ranked_by="the order of factors" if run.config.feedback.rater == "heron" else "people's rankings",
    )


def _alarmed(archive: Archive) -> dict[str, int]:
    seen = fitness_range(archive)
    raised = [remark.text.partition(":")[0] for name in archive.candidates for remark in alarms_of(archive, name, seen)]
    return dict(Counter(raised))


def arm_of(archive: Archive, name: str) -> Arm:
    """Return the final trainings of a candidate or baseline."""
    trials = archive.trials_of(name, "final")
    results = {trial.seed: trial.result for trial in trials if trial.result}
    fitness = [result.fitness for result in results.values()]
    successes = [result.success for result in results.values() if result.success is not None]
    return Arm(
        name=name,
        scores=tuple((seed, result.fitness) for seed, result in results.items()),
        mean=mean(fitness),
        interval=interval(fitness),
        failed=len(trials) - len(results),
        success=mean(successes),
    )


def compare(winner: Arm | None, baseline: Arm) -> Comparison:
    """Say "above" or "below" only where the paired 95 % interval excludes 0."""
    ours, theirs = dict(winner.scores) if winner else {}, dict(baseline.scores)
    difference = paired_difference(ours, theirs)
    common = len(ours.keys() & theirs.keys())
    return Comparison(baseline=baseline, seeds=common, difference=difference, reading=reading(difference))


def scale_of(human: Arm, random: Arm) -> Scale | None:
    """Return the scale of human-normalised scores; None where one of its ends is missing.

    It is refused where the denominator is noise: where its 95 % interval doesn't lie above 0.
    """
    denominator = paired_difference(dict(human.scores), dict(random.scores))
    if denominator is None or random.mean is None:
        return None
    refused = "" if denominator.low > 0 else "baselines not separable"
    return Scale(zero=random.mean, denominator=denominator, refused=refused)


def costs_of(archive: Archive, wall_s: float) -> Costs:
    trials = [trial for trial in archive.trials.values() if trial.trained_here]
    return Costs(
        trainings=len(trials),
        cached=sum(trial.from_cache and trial.steps > 0 for trial in archive.trials.values()),
        failed=_by_status([trial.status for trial in trials]),
        steps=sum(trial.steps for trial in trials if trial.status is Status.OK),
        train_cpu_s=sum(trial.train_cpu_s for trial in trials),
        wall_s=wall_s,
        calls=archive.calls_started,
        prompt_tokens=_total([call.prompt_tokens for call in archive.calls], archive.calls_started),
        completion_tokens=_total([call.completion_tokens for call in archive.calls], archive.calls_started),
    )


def _by_status(statuses: list[Status]) -> dict[str, int]:
    return {str(status): number for status, number in Counter(statuses).items() if status is not Status.OK}


def _total(tokens: list[int | None], calls: int) -> int | None:
    """Add up tokens; unknown where one call's are, or where a call never came back."""
    known = [number for number in tokens if number is not None]
    return sum(known) if len(known) == calls else None
