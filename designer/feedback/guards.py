"""Alarms: a policy that pleases its reward and not the task, a term that says nothing, a search that no reward helps.

Pure functions of the archive. Terms are what the training box said of itself; fitness is the trusted evaluator's. An alarm says
what was seen in one sentence with its numbers. It never changes a score: selection sees fitness alone, so a reward that is
gamed loses by itself. The alarm tells the next prompt, and a person, why.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from designer.archive import HINDSIGHT, HUMAN, RANDOM, SPARSE, Archive
from designer.records import Remark, Status, Trace, Trial
from designer.statistics import mean

AT_THE_FLOOR = 0.15
"""A fitness within this share of the way from the floor to the highest one seen in the run counts as at the floor."""
FELL = 0.25
ROSE = 0.25
DOMINANT = 0.8
CONSTANT = 0.02
SHORT = 0.5
AGAINST = -0.3
PINNED = 0.95
TIED = 0.05


class Range(NamedTuple):
    """The lowest and highest fitness of any checkpoint in a run, baselines included.

    random: what random play reaches, None as long as nobody has looked. It is the floor, since a hack can be worse than that.
    """

    low: float
    high: float
    random: float | None = None

    @property
    def span(self) -> float:
        return self.high - self.low

    @property
    def floor(self) -> float:
        return self.low if self.random is None else min(self.random, self.high)


class Alarm(NamedTuple):
    """What is wrong, in a word or two, and one sentence with its numbers.

    kind: hacking, short-episode farming, standing still, boundary pinning or collapse. Misranking comes from `auditing.py`.
    """

    kind: str
    text: str


def fitness_range(archive: Archive) -> Range | None:
    """Return what fitness the run has seen, or None where nothing was judged."""
    seen = [score.fitness for trial in archive.trials.values() for score in trial.scores]
    return Range(min(seen), max(seen), mean(archive.final_scores(RANDOM))) if seen else None


def alarms_of(archive: Archive, candidate: str, seen: Range | None) -> list[Remark]:
    """Return the alarms on a candidate: each kind once, from the first search seed that raises it.

    Where hindsight found that the reward wants the right thing and was not learnt, only a collapsed term is left to be told.
    """
    review = archive.reviews.get((HINDSIGHT, candidate))
    sound = review is not None and any(remark.kind == "text" for remark in review.remarks)
    raised: dict[str, Remark] = {}
    for trial in archive.trials_of(candidate, "search"):
        for alarm in alarms(trial, seen):
            if sound and alarm.kind != "collapse":
                continue
            text = f"{alarm.kind}: {alarm.text}"
            raised.setdefault(alarm.kind, Remark(candidate=candidate, source="guard", kind="flag", text=text))
    return [*raised.values(), *(remark for remark in (review.remarks if review else ()) if remark.kind == "flag")]


def alarms(trial: Trial, seen: Range | None) -> list[Alarm]:
    """Look at one trial. `seen`: the fitness that this run has seen, which says what is high and low."""
    if trial.status is not Status.OK or len(trial.scores) < 2:
        return []
    found = [*_collapse(trial.traces)]
    if seen is not None and seen.span > 0:
        checks = (
            _fell(trial, seen),
            _farming(trial, seen),
            _standing_still(trial, seen),
            _against(trial, seen),
            _pinned(trial, seen),
        )
        found += [alarm for alarm in checks if alarm]
        if not found or all(alarm.kind == "collapse" for alarm in found):
            flat = _flat(trial, seen)
            found += [flat] if flat else []
    return found


def bottleneck(archive: Archive) -> str:
    """Say that the reward is not the bottleneck where every reward ties at the floor for two rounds, or "".

    The floor is what the fitness itself as reward reaches. Where the human-written reward rises above it, a reward does help.
    """
    floor, seen = archive.search_score(SPARSE), fitness_range(archive)
    rounds = [round_ for round_ in archive.rounds if any(archive.search_scores(c.id) for c in archive.in_round(round_))]
    if floor is None or seen is None or len(rounds) < 2:
        return ""
    spread = archive.search_spread()
    tie = max(spread.sd if spread else 0.0, TIED * abs(floor))
    human = archive.search_score(HUMAN)
    reached = [score for r in rounds[-2:] for c in archive.in_round(r) if (score := archive.search_score(c.id)) is not None]
    if any(abs(score - floor) > tie for score in [*reached, *([human] if human is not None else [])]):
        return ""
    return (
        f"The reward is probably not the bottleneck: {len(reached)} rewards of the last two rounds all score within {tie:.3g} "
        f"of {floor:.3g}, which is what the fitness itself as reward reaches. Try more steps, easier starts, a curriculum, "
        "or a wider state."
    )


# One trial ----------------------------------------------------------------------------------------------------------


def _fell(trial: Trial, seen: Range) -> Alarm | None:
    """Hacking: the reward went on rising after the fitness had passed its best."""
    fitness = [score.fitness for score in trial.scores]
    best = max(range(len(fitness)), key=lambda k: fitness[k])
    lost = fitness[best] - fitness[-1]
    if lost <= FELL * seen.span or best == len(fitness) - 1:
        return None
    then, now = _total_at(trial, trial.scores[best].fraction), _total_at(trial, trial.until)
    if then is None or now is None or now <= then:
        return None
    at = trial.scores[best].fraction
    text = f"from {at:.0%} of the training on the reward rose from {then:.3g} to {now:.3g} a step while the task score fell "
    return Alarm("hacking", f"{text}from {fitness[best]:.3g} to {fitness[-1]:.3g}")


def _flat(trial: Trial, seen: Range) -> Alarm | None:
    """Hacking: the reward rose and the fitness never left the floor."""
    rise = _rise(trial.traces)
    level = max(score.fitness for score in trial.scores)
    if rise is None or rise.share <= ROSE or not _at_the_floor(level, seen):
        return None
    name, share = _largest(trial.traces)
    most = f"; {share:.0%} of it is {name}" if share > DOMINANT else ""
    text = f"the reward rose from {rise.first:.3g} to {rise.last:.3g} a step{most}, while the task score never exceeded "
    return Alarm("hacking", f"{text}{level:.3g} (others reach {seen.high:.3g})")


def _farming(trial: Trial, seen: Range) -> Alarm | None:
    """Short-episode farming: episodes got short, the reward a step rose, and the fitness is at the floor."""
    longest, last = max(score.episode_s for score in trial.scores), trial.scores[-1]
    rise = _rise(trial.traces)
    if rise is None or rise.last <= rise.first or last.episode_s >= SHORT * longest or not _at_the_floor(last.fitness, seen):
        return None
    text = f"episodes shrank from {longest:.3g} s to {last.episode_s:.3g} s while the reward rose from {rise.first:.3g} to "
    return Alarm("short-episode farming", f"{text}{rise.last:.3g} a step, with the task score at {last.fitness:.3g}")


def _standing_still(trial: Trial, seen: Range) -> Alarm | None:
    """Standing still: a bonus that is always paid is most of the reward, episodes are long, and the fitness is at the floor."""
    last, longest = trial.scores[-1], max(score.episode_s for score in trial.scores)
    steady = [t for t in trial.traces if t.mean and t.mean[-1] > 0 and _varies_little(t.mean[len(t.mean) // 2 :])]
    size = sum(abs(t.mean[-1]) for t in trial.traces if t.mean)
    if not steady or not size or last.episode_s < longest or not _at_the_floor(last.fitness, seen):
        return None
    bonus = max(steady, key=lambda t: t.mean[-1])
    share = bonus.mean[-1] / size
    if share <= SHORT:
        return None
    text = f"{bonus.name} pays {bonus.mean[-1]:.3g} whatever is done and is {share:.0%} of the reward; episodes last "
    return Alarm("standing still", f"{text}{last.episode_s:.3g} s and the task score stays at {last.fitness:.3g}")


def _against(trial: Trial, seen: Range) -> Alarm | None:
    """Hacking: one term is most of the reward, and where it pays more, the fitness is lower."""
    last = trial.scores[-1].fitness
    if trial.evidence is None or not _at_the_floor(last, seen):
        return None
    for term in trial.evidence.terms:
        if term.share > DOMINANT and term.correlation is not None and term.correlation < AGAINST:
            text = (
                f"{term.name} is {term.share:.0%} of the reward, and over the judging episodes it goes against the task score "
            )
            return Alarm("hacking", f"{text}(correlation {term.correlation:.2f}), which ends at {last:.3g}")
    return None


def _pinned(trial: Trial, seen: Range) -> Alarm | None:
    """Boundary pinning: the actions, or a term that is most of the reward, sit at their bounds; the fitness is at the floor."""
    last = trial.scores[-1].fitness
    if trial.evidence is None or not _at_the_floor(last, seen):
        return None
    if trial.evidence.pinned > PINNED:
        text = f"{trial.evidence.pinned:.0%} of all action components are at their bounds, with the task score at {last:.3g}"
        return Alarm("boundary pinning", text)
    for term in trial.evidence.terms:
        if term.share > SHORT and term.saturated > PINNED:
            text = f"{term.name} is {term.share:.0%} of the reward and at one end of its range in {term.saturated:.0%} of the "
            return Alarm("boundary pinning", f"{text}steps, with the task score at {last:.3g}")
    return None


def _collapse(traces: Sequence[Trace]) -> list[Alarm]:
    """Collapse: a term that is the same all over the training, so that nothing can be learnt from it."""
    flat = [t for t in traces if t.high - t.low <= 1e-6 * max(abs(t.high), abs(t.low), 1e-12)]
    if not flat:
        return []
    names = ", ".join(f"{trace.name} (always {trace.high:.3g})" for trace in flat)
    return [Alarm("collapse", f"nothing can be learnt from {names}")]


# Totals -------------------------------------------------------------------------------------------------------------


class Rise(NamedTuple):
    """The total reward a step at the first and last point of the training; `share` is the rise over its size."""

    first: float
    last: float
    share: float


def _totals(traces: Sequence[Trace]) -> list[float]:
    """Return the total reward a step at each point that all terms have."""
    return [sum(column) for column in zip(*(trace.mean for trace in traces), strict=False)]


def _total_at(trial: Trial, fraction: float) -> float | None:
    """Return the total reward a step around a share of the training. The traces reach to where the trial stands."""
    totals = _totals(trial.traces)
    if not totals:
        return None
    return totals[min(len(totals) - 1, max(0, round(fraction / trial.until * len(totals)) - 1))]


def _rise(traces: Sequence[Trace]) -> Rise | None:
    totals = _totals(traces)
    if len(totals) < 2:
        return None
    size = max(abs(total) for total in totals)
    return Rise(totals[0], totals[-1], (totals[-1] - totals[0]) / size if size else 0.0)


def _largest(traces: Sequence[Trace]) -> tuple[str, float]:
    """Return the largest term at the end and its share of the reward's size."""
    sizes = {trace.name: abs(trace.mean[-1]) for trace in traces if trace.mean}
    name = max(sizes, key=lambda key: sizes[key])
    return name, sizes[name] / (sum(sizes.values()) or 1.0)


def _at_the_floor(fitness: float, seen: Range) -> bool:
    return fitness - seen.floor <= AT_THE_FLOOR * (seen.high - seen.floor)


def _varies_little(values: Sequence[float]) -> bool:
    return max(values) - min(values) <= CONSTANT * max(abs(fmean(values)), 1e-12)
