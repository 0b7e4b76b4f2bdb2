"""What a candidate's trial shows, from its numbers alone. Pure functions of the archive."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean

from designer.archive import HINDSIGHT, Archive
from designer.feedback.changes import change_of
from designer.feedback.guards import alarms_of, fitness_range
from designer.records import Evidence, Remark, Status, Trace, Trial

FLAT_SHARE = 0.02
DOMINANT_SHARE = 0.8
SATURATED_SHARE = 0.9
PINNED_SHARE = 0.8
MAX_EVENTS = 3


def remarks_on(archive: Archive, names: Iterable[str] | None = None) -> dict[str, tuple[Remark, ...]]:
    """Return what there is to say of these candidates, or of all."""
    seen = fitness_range(archive)
    asked = archive.candidates if names is None else names
    return {name: (*_remarks(archive, name), *alarms_of(archive, name, seen)) for name in asked}


def _remarks(archive: Archive, name: str) -> list[Remark]:
    verdict = archive.verdicts[name]
    texts = [f"refused before training: {fault}" for fault in verdict.faults]
    mended = " (and the reward was changed for it)" if verdict.criticised else ""
    texts += [f"a critic said before training: {fault}{mended}" for fault in verdict.criticism]
    trials = archive.trials_of(name, "search")
    texts += [*_about(trials), *_stopped(trials)]
    told = [Remark(candidate=name, source="statistics", kind="text", text=text) for text in texts]
    change = change_of(archive, archive.candidates[name])
    screened = archive.screened.get(name)
    review = archive.reviews.get((HINDSIGHT, name))
    looked = [remark for remark in review.remarks if remark.kind == "text"] if review else []
    return [*([change] if change else []), *told, *(screened.remarks if screened else ()), *looked]


def _stopped(trials: list[Trial]) -> list[str]:
    """Say that a candidate was stopped early, and at what score: it has no other."""
    paused = [trial for trial in trials if not trial.is_whole and trial.result]
    return [
        f"stopped at {t.until:.0%} of its training with a task score of {t.result.fitness:.3g}: others of its round were better"
        for t in paused
        if t.result
    ]


def _about(trials: list[Trial]) -> list[str]:
    """Tell what several seeds show once: of the terms and the events the first one's, of correlations the mean."""
    failed = [f"training ended as {trial.status}: {trial.error}" for trial in trials if trial.status is not Status.OK]
    sound = [trial for trial in trials if trial.status is Status.OK]
    said = [*failed, *(text for trial in sound for text in _about_fitness(trial))]
    seen = [trial.evidence for trial in sound if trial.evidence]
    said += _about_terms(sound[0].traces) if sound else []
    return list(dict.fromkeys([*said, *(_about_episodes(seen) if seen else ())]))


def _about_fitness(trial: Trial) -> list[str]:
    values = [score.fitness for score in trial.scores]
    if len(values) < 3:
        return []
    best = max(values)
    spread = best - min(values)
    if spread and best - values[-1] > 0.2 * spread and values.index(best) < len(values) - 1:
        return [f"the task score fell from {best:.3g} to {values[-1]:.3g} before the end of the training"]
    if spread and values[-1] - values[-2] > 0.1 * spread:
        return ["the task score was still rising at the end of the training"]
    return []


def _about_episodes(seen: list[Evidence]) -> list[str]:
    """Say how the terms went with the task score in the judging episodes, and what happened in the first seed's."""
    evidence, found = seen[0], dict[str, list[float]]()
    for term in (term for one in seen for term in one.terms if term.correlation is not None):
        found.setdefault(term.name, []).append(term.correlation or 0.0)
    told = ", ".join(f"{name} {fmean(values):+.2f}" for name, values in found.items())
    said = [f"correlation of each term with the task score over the judging episodes: {told}"] if found else []
    said += [
        f"term {term.name} is saturated: at one end of its range in {term.saturated:.0%} of the steps"
        for term in evidence.terms
        if term.saturated > SATURATED_SHARE
    ]
    if evidence.longest_s > 1.05 * evidence.shortest_s:
        said.append(f"episodes last {evidence.shortest_s:.3g} to {evidence.longest_s:.3g} s")
    if evidence.pinned > PINNED_SHARE:
        said.append(f"{evidence.pinned:.0%} of all action components are at their bounds")
    said += [f"worst episode, {event}" for event in evidence.worst_events[:MAX_EVENTS]]
    return said


def _about_terms(traces: tuple[Trace, ...]) -> list[str]:
    """Say which terms hardly moved and which one outweighs all others."""
    sizes = {trace.name: abs(trace.mean[-1]) for trace in traces if trace.mean}
    total = sum(sizes.values())
    said = []
    for trace in traces:
        moved = trace.high - trace.low
        if moved <= FLAT_SHARE * max(abs(trace.high), abs(trace.low), 1e-9):
            said.append(f"term {trace.name} hardly changed during the training ({trace.low:.3g} to {trace.high:.3g})")
        if len(sizes) > 1 and total and sizes.get(trace.name, 0) > DOMINANT_SHARE * total:
            share = sizes[trace.name] / total
            said.append(f"term {trace.name} is {share:.0%} of the reward's size at the end")
    return said
