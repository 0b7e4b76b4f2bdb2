"""How a run ended, in plain sentences: the same ones on the terminal and in the report."""

from __future__ import annotations

import math
from collections.abc import Sequence

from designer.archive import BASELINES, HUMAN, RANDOM, SPARSE, Archive
from designer.display import clock, count
from designer.journal import span_s
from designer.records import NO_FITNESS
from designer.review.findings import Arm, Comparison, Costs, RunVerdict, judged
from designer.runs import Run
from designer.statistics import Interval


def verdict_of(run: Run, archive: Archive) -> RunVerdict:
    """Sum up a run. Of its journal the first and the last line are read, for the times."""
    return judged(run, archive, span_s(run.journal))


def sentences(verdict: RunVerdict) -> list[str]:
    """Say a verdict in plain sentences, the most important first."""
    return [
        sentence
        for sentence in (
            _stamp(verdict),
            _headline(verdict),
            _by_the_order(verdict),
            _differences(verdict),
            _normalised(verdict),
            _solved(verdict),
            _optimism(verdict),
            _failed_seeds(verdict),
            verdict.bottleneck,
            _tried(verdict),
            _alarmed(verdict),
            _spent(verdict.costs),
        )
        if sentence
    ]


def in_short(verdict: RunVerdict) -> str:
    """Say how a run ended in one short sentence without a number; "" where there is nothing to say yet, or no given fitness."""
    winner = verdict.winner
    if winner is None or winner.mean is None or _stamp(verdict):
        return ""
    judged = [c for c in verdict.comparisons if c.baseline.mean is not None]
    if judged and all(c.baseline.name != RANDOM or c.reading == "above" for c in judged):
        judged = [c for c in judged if c.baseline.name != RANDOM]  # beating random play goes without saying
    placed = [
        f"is {words} {' and '.join(there)}"
        for reading, words in _PLACED.items()
        if (there := [named(c.baseline.name) for c in judged if c.reading == reading])
    ]
    solved = {True: ["solves the task"], False: ["doesn't solve the task"], None: list[str]()}[verdict.solved]
    return f"{winner.name} {'; it '.join([*solved, *placed])}." if solved or placed else ""


_PLACED = {"above": "better than", "below": "worse than", "not separable": "not separable from"}


def _stamp(verdict: RunVerdict) -> str:
    """Say before anything else where the scores come from, if no person gave the measure."""
    if verdict.fitness_origin == "derived, unverified":
        return "Derived, unverified: a model drafted the fitness and no person approved it. Every score below is by that draft."
    if verdict.fitness_origin == NO_FITNESS:
        return f"There is no fitness: {verdict.ranked_by} chose, and no score does."
    return ""


def shown(value: float) -> str:
    """Write a number as a person reads it: three digits that count, trailing zeros kept."""
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if not -4 <= magnitude < 6:
        return f"{value:.2e}"
    return f"{value:,.{max(0, 2 - magnitude)}f}"


def arm_label(name: str) -> str:
    """Return a baseline's name in words, or a candidate's id."""
    return BASELINES.get(name, name)


def named(name: str) -> str:
    """Return an arm's name as it stands in a sentence."""
    return f"the {arm_label(name)}" if name in (HUMAN, SPARSE) else arm_label(name)


def _headline(verdict: RunVerdict) -> str:
    unit = f" {verdict.unit}" if verdict.unit else ""
    if verdict.fitness_origin == NO_FITNESS:
        return _chosen(verdict)
    if not verdict.finished:
        if verdict.leader is None or verdict.search_score is None:
            return "The run is not finished, and no candidate has a score yet."
        score = f"{shown(verdict.search_score)}{unit} on {count(verdict.search_seeds, 'search seed')}"
        against = "".join(f"; {named(name)} {shown(value)}" for name, value in verdict.on_search_seeds.items())
        return f"The run is not finished. Best so far: {verdict.leader} with {score}, which is optimistic{against}."
    if verdict.winner is None:
        arms = [comparison.baseline for comparison in verdict.comparisons]
        baselines = "; ".join(f"{named(arm.name)} reaches {_reached(arm, unit)}" for arm in arms)
        return f"There is no winner: {verdict.reason}." + (f" For comparison, {baselines}." if baselines else "")
    if verdict.winner.mean is None and not verdict.finalists:
        return f"{verdict.winner.name} has no final score: no final trainings were made."
    if verdict.winner.mean is None:
        return f"{verdict.winner.name} was chosen, but none of its final trainings ended well: it has no final score."
    found = [f"{verdict.winner.name} reaches {_reached(verdict.winner, unit)}"]
    found += [f"{named(c.baseline.name)} {_against(c, verdict.winner.name)}" for c in verdict.comparisons]
    return "; ".join(found) + "." + ("" if verdict.comparisons else " There is no baseline to compare it with.")


def _chosen(verdict: RunVerdict) -> str:
    """Say who was chosen where no score says how well it does."""
    if not verdict.finished:
        return "The run is not finished."
    if verdict.winner is None:
        return f"There is no winner: {verdict.reason}."
    seeds = len(verdict.winner.scores)
    again = f", and was trained anew on {count(seeds, 'final seed')}" if seeds else ""
    return f"{verdict.winner.name} was preferred to the others{again}."


def _reached(arm: Arm, unit: str) -> str:
    if arm.mean is None:
        return "no score (no final training ended well)"
    seeds = count(len(arm.scores), "seed")
    if arm.interval is None:
        return f"{shown(arm.mean)}{unit} ({seeds}, so no interval)"
    return f"{shown(arm.mean)}{unit} (95 % interval {span(arm.interval)}, {seeds})"


def _against(comparison: Comparison, winner: str) -> str:
    arm = comparison.baseline
    if arm.mean is None:
        return "has no score (no final training ended well)"
    reached = shown(arm.mean) + (f" ({span(arm.interval)})" if arm.interval else "")
    if comparison.reading != "not separable":
        return f"{reached}: {winner} is {comparison.reading}"
    few = "" if comparison.difference else f" ({count(comparison.seeds, 'common seed')} can't tell)"
    return f"{reached}: not separable{few}"


def _by_the_order(verdict: RunVerdict) -> str:
    """Say what the winner reaches in each factor, the most important first; an order compares, so there is no total."""
    if not verdict.factors:
        return ""
    return f"By the order of factors, on the final seeds: {ordered(verdict.factors)}."


def ordered(factors: Sequence[tuple[str, float]]) -> str:
    """Write factors' means, the most important first."""
    return ", then ".join(f"{name} {shown(value)}" for name, value in factors)


def _differences(verdict: RunVerdict) -> str:
    parts = [
        f"{shown(c.difference.mean)} ({span(c.difference)}) to {named(c.baseline.name)}"
        for c in verdict.comparisons
        if c.difference and c.baseline.name != RANDOM
    ]
    return f"Paired seed by seed, the difference is {' and '.join(parts)}." if parts else ""


def _normalised(verdict: RunVerdict) -> str:
    """Put the scores on a scale from random play to the human-written reward, with what they were divided by."""
    scale = verdict.scale
    if scale is None:
        return ""
    unit = f" {verdict.unit}" if verdict.unit else ""
    divided = f"{shown(scale.denominator.mean)}{unit} ({span(scale.denominator)})"
    if scale.refused:
        return f"No human-normalised score: {scale.refused}; the human-written reward minus random play is {divided}."
    others = [c.baseline for c in verdict.comparisons if c.baseline.name not in (HUMAN, RANDOM)]
    arms = [arm for arm in (verdict.winner, *others) if arm is not None]
    told = [
        f"{arm_label(arm.name)} {value:.2f}"
        for arm in arms
        if arm.mean is not None and (value := scale.of(arm.mean)) is not None
    ]
    return (
        f"Human-normalised, with random play as 0 and the human-written reward as 1: {', '.join(told)}; "
        f"the denominator is {divided}."
    )


def _solved(verdict: RunVerdict) -> str:
    if verdict.solved is None or verdict.solved_at is None or verdict.winner is None:
        return ""
    anchor = f"The task counts as solved at {shown(verdict.solved_at)}" + (f" {verdict.unit}" if verdict.unit else "")
    if not verdict.solved:
        return f"{anchor}: not solved."
    if verdict.winner.interval is None:
        return f"{anchor}: solved by the mean, which has no interval."
    sure = verdict.winner.interval.low >= verdict.solved_at
    return f"{anchor}: solved, {'with the whole interval' if sure else 'by the mean but not with the whole interval'}."


def _optimism(verdict: RunVerdict) -> str:
    said = []
    if verdict.winner and verdict.finalists > 1:
        said.append(
            f"The winner was chosen among {verdict.finalists} finalists on these same seeds, "
            "so its number is slightly optimistic."
        )
    if verdict.selection_gap is not None and verdict.search_score is not None:
        seeds = count(verdict.search_seeds, "search seed")
        way = "below" if verdict.selection_gap < 0 else "above"
        gap = f"{shown(abs(verdict.selection_gap))} {way} its final mean"
        said.append(f"Its search score, on {seeds}, was {shown(verdict.search_score)}, which is {gap}.")
    return " ".join(said)


def _failed_seeds(verdict: RunVerdict) -> str:
    arms = [*([verdict.winner] if verdict.winner else []), *(c.baseline for c in verdict.comparisons)]
    failed = [f"{arm.failed} of {named(arm.name)}" for arm in arms if arm.failed]
    return f"Final trainings that didn't end well and aren't in these numbers: {', '.join(failed)}." if failed else ""


def _tried(verdict: RunVerdict) -> str:
    refused = sum(verdict.refused.values())
    told = f", {refused} of them refused before training ({_counts(verdict.refused)})" if refused else ""
    return f"Tried: {count(verdict.tried, 'candidate')}{told}."


def _alarmed(verdict: RunVerdict) -> str:
    return (
        f"Alarms raised: {_counts(verdict.alarms)}; `designer show` and the report say on whom and why."
        if verdict.alarms
        else ""
    )


def _spent(costs: Costs) -> str:
    failed = f" (not ended well: {_counts(costs.failed)})" if costs.failed else ""
    kept = f" (and {costs.cached} of baselines kept from earlier runs)" if costs.cached else ""
    return (
        f"Spent: {count(costs.trainings, 'training')}{failed}{kept}, {count(costs.steps, 'environment step')}, "
        f"{clock(costs.train_cpu_s)} of CPU time in training, "
        f"{clock(costs.wall_s)} from start to end, pauses included; {calls_of(costs)}."
    )


def calls_of(costs: Costs) -> str:
    """Return the model calls and tokens in words."""
    if not costs.calls:
        return "no model was called"
    if costs.prompt_tokens is None or costs.completion_tokens is None:
        return f"{count(costs.calls, 'model call')}, tokens unknown"
    return f"{count(costs.calls, 'model call')}, {costs.prompt_tokens:,} tokens in, {costs.completion_tokens:,} out"


def span(found: Interval) -> str:
    """Return "low to high"."""
    return f"{shown(found.low)} to {shown(found.high)}"


def _counts(numbers: dict[str, int]) -> str:
    return ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in sorted(numbers.items()))
