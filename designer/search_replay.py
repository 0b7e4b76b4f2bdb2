"""`designer replay-search`: play other search rules over a stored run's candidates, without training anything.

The candidates of the run are the pool: a rule that asks for a slot is given the next one that nobody has had. A training is
answered from the pool: the stored curve up to where the rule asks, on the seeds that were trained. What a rule would have
proposed from its own parents can't be known, so this compares how rules spend trainings, not how they breed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from statistics import fmean
from typing import NamedTuple

from designer.archive import Archive
from designer.config import SearchConfig
from designer.errors import InputError
from designer.journal import CandidateProposed, TrialsFinished
from designer.proposers import Slot
from designer.records import Candidate, Score, Status, Trial, TrialKey, Verdict
from designer.runs import open_run
from designer.search import Advance, Batch, Propose, Search, Stop
from designer.search.rules import BUILT_IN, make_search, rule_named
from designer.statistics import mean

MOST_ACTIONS = 10_000


def replay_search(asked: argparse.Namespace) -> None:
    """Print what each rule would have picked out of a run's candidates, over several orders of the pool."""
    if asked.orders < 1:
        raise InputError(f"--orders {asked.orders}: the pool is played in one order at least.")
    for rule in asked.rules:
        rule_named(rule)
    run = open_run(asked.run)
    archive = run.archive()
    pool = Pool(archive)
    if len(pool.candidates) < 2:
        raise InputError(f"{asked.run} has {len(pool.candidates)} candidates that were trained to the end; a search needs two.")
    best = max(truth for c in pool.candidates if (truth := pool.truth(c.id)) is not None)
    population = min(run.config.search.population, len(pool.candidates))
    print(
        f"{len(pool.candidates)} candidates, best {best:.3g} {run.task.fitness_unit}; means over {asked.orders} orders of them"
    )
    print(f"{'rule':<12} {'trainings':>9} {'picked':>8} {'claimed minus picked':>21}")
    none = False
    for rule in asked.rules or BUILT_IN:
        config = run.config.search.model_copy(update={"rule": rule, "population": population})
        picks = [replayed(archive, config, order) for order in range(asked.orders)]
        print(f"{rule:<12} {fmean(pick.units for pick in picks):>9.1f} {_told(picks)}")
        none |= all(pick.winner is None for pick in picks)
    if none:
        print(
            "nothing: the rule pauses before the stored curves' first point (evaluation.checkpoints), or goes by rankings only"
        )


def _told(picks: Sequence[Pick]) -> str:
    sound = [(pick.claimed, pick.truth) for pick in picks if pick.claimed is not None and pick.truth is not None]
    if not sound:
        return f"{'nothing':>8}"
    gap = fmean(claimed - truth for claimed, truth in sound)
    return f"{fmean(truth for _, truth in sound):>8.3g} {gap:>21.3g}"


class Pick(NamedTuple):
    """What a rule chose out of the pool: a candidate of the stored run.

    claimed: its score when it was chosen. truth: its mean over every whole training in the pool.
    units: whole trainings that the search used, finals left out.
    """

    winner: str | None
    claimed: float | None
    truth: float | None
    units: float


class Pool:
    """The candidates of a stored run that were trained to the end, and their trainings."""

    def __init__(self, archive: Archive) -> None:
        scored = [c for c in archive.candidates.values() if _whole(archive, c.id)]
        self.candidates = sorted(scored, key=lambda c: (c.round, c.sample))
        self._trials = {c.id: _whole(archive, c.id) for c in scored}

    def truth(self, name: str) -> float | None:
        return mean([trial.result.fitness for trial in self._trials[name] if trial.result])

    def training(self, name: str, turn: int) -> Trial:
        """Return the turn-th training of a candidate; beyond the last it begins again."""
        return self._trials[name][turn % len(self._trials[name])]


def replayed(archive: Archive, config: SearchConfig, order: int = 0) -> Pick:
    """Play the rule that `config` names over a stored run. `order` shuffles the pool; 0 leaves it as it was."""
    pool = Pool(archive)
    waiting = list(pool.candidates)
    if order:
        Random(order).shuffle(waiting)
    fitting = config.model_copy(update={"rounds": len(waiting) // config.population, "budget": None})
    return _play(make_search(fitting, ()), pool, iter(waiting))


def _play(search: Search, pool: Pool, waiting: Iterator[Candidate]) -> Pick:
    played, origin = Archive(), dict[str, str]()
    for _ in range(MOST_ACTIONS):
        match search.next(played):
            case Propose(slots=slots):
                for slot in slots:
                    chosen = next(waiting)
                    origin[slot.id] = chosen.id
                    played.add(CandidateProposed(candidate=_as(chosen, slot), verdict=Verdict(status=Status.OK)))
            case Advance(batches=batches):
                if all(batch.purpose == "final" for batch in batches):
                    return _picked(played, pool, origin, batches)
                for batch in batches:
                    played.add(TrialsFinished(trials=_answered(pool, origin, batch, played), walls=""))
            case Stop():
                break
    return Pick(None, None, None, _units(played))


def _answered(pool: Pool, origin: Mapping[str, str], batch: Batch, played: Archive) -> tuple[Trial, ...]:
    """Answer a batch from the pool: the k-th seed that a candidate is tried on is its k-th stored training."""
    tried = [trial.seed for trial in played.trials_of(batch.candidate, "search")]
    trials = []
    for seed in batch.seeds:
        turn = tried.index(seed) if seed in tried else len(tried)
        tried += [] if seed in tried else [seed]
        stored = pool.training(origin[batch.candidate], turn)
        earlier = played.trials.get(TrialKey(batch.candidate, "search", seed))
        scores = _up_to(stored.scores, earlier.scores if earlier else (), batch)
        changes = {"candidate": batch.candidate, "purpose": "search", "seed": seed, "until": batch.until, "scores": scores}
        trials.append(stored.model_copy(update=changes))
    return tuple(trials)


def _up_to(stored: Sequence[Score], earlier: Sequence[Score], batch: Batch) -> tuple[Score, ...]:
    """Cut a stored curve to a batch's piece, behind what was answered before. A pause between two points has the score of
    the earlier one.
    """
    within = [score for score in stored if batch.since < score.fraction <= batch.until + 1e-9]
    known = [*earlier, *within]
    if batch.until < 1 and known and abs(known[-1].fraction - batch.until) > 1e-9:
        known.append(known[-1].model_copy(update={"fraction": batch.until}))
    return tuple(known)


def _picked(played: Archive, pool: Pool, origin: Mapping[str, str], finals: Sequence[Batch]) -> Pick:
    """Stand in for the finals: the finalist with the best mean over all that the pool knows of it."""
    truths = {batch.candidate: pool.truth(origin[batch.candidate]) for batch in finals}
    known = {name: truth for name, truth in truths.items() if truth is not None}
    if not known:
        return Pick(None, None, None, _units(played))
    winner = max(known, key=lambda name: known[name])
    return Pick(origin[winner], played.search_score(winner), known[winner], _units(played))


def _units(played: Archive) -> float:
    return sum(trial.until for trial in played.trials.values())


def _whole(archive: Archive, name: str) -> list[Trial]:
    """Return every whole training of a candidate that ended well, search seeds first."""
    trials = [*archive.trials_of(name, "search"), *archive.trials_of(name, "final")]
    return [trial for trial in trials if trial.is_whole and trial.result]


def _as(candidate: Candidate, slot: Slot) -> Candidate:
    changes = {"id": slot.id, "round": slot.round, "sample": slot.sample, "verb": slot.verb, "parents": slot.parents}
    return candidate.model_copy(update=changes)
