"""The default search: rounds of candidates, the worse half stopped early, the best tried again, and finals on new seeds.

    a round    all to `cut` on one seed; the better half to the end; the best `confirm` on more seeds. Who is sure to be among
               them goes on while the last ones are still at work: the same trainings, without a wait in between
    parents    the best of all rounds by the lower bound of their mean, never only of the last round
    fresh      the share written anew moves by 0.1 towards whichever kind won the round
    time       where the run must end at a time of day, nothing is begun after which the finals would end too late
    finals     the best `finalists` and the baselines, on seeds that nothing was chosen by

The winner is chosen among the finalists by their final seeds alone; the score that made them finalists is optimistic and is
reported beside it.
"""

from __future__ import annotations

import math
from statistics import fmean

from designer.archive import Archive
from designer.budget import better_half, final_units, round_units
from designer.config import SearchConfig
from designer.preferences.steering import tie_broken
from designer.proposers import Slot
from designer.records import Candidate, Verb
from designer.search import Action, Advance, Batch, Propose, Stop
from designer.search.planning import (
    ALL_DONE,
    affords,
    descent,
    finals_or_stop,
    first_score,
    fresh_slots,
    in_time,
    missing_slots,
    trainable,
    untrained,
)
from designer.seeds import confirm_seeds, search_seed
from designer.statistics import lower_bound

FRESH_STEP, LEAST_FRESH, MOST_FRESH = 0.1, 0.25, 0.75
PATIENCE_ROUNDS = 2


class Halving:
    """Implements `Search`."""

    name = "halving"

    def __init__(self, config: SearchConfig, baselines: tuple[str, ...]) -> None:
        """`baselines`: which of "human" and "sparse" this task has."""
        self._config = config
        self._baselines = baselines

    def next(self, archive: Archive) -> Action:
        why = ALL_DONE
        for round_ in range(1, self._config.rounds + 1):
            stop = "" if archive.in_round(round_) else self._why_stop(archive, round_)
            if stop:
                why = stop
                break
            action = self._round(archive, round_)
            if action:
                return action
        finalists = tie_broken(archive, [c.id for c in archive.ranked()])[: self._config.finalists]
        return finals_or_stop(archive, self._config, self._baselines, finalists, why)

    def _round(self, archive: Archive, round_: int) -> Action | None:
        """Return what a round still lacks, or None where it is done."""
        missing = missing_slots(archive, round_, self._config.population, self._slots)
        if missing and not archive.spent:
            return Propose(missing)
        ready = trainable(archive, archive.in_round(round_))
        begin = self._in_time(archive, self._to_the_cut(archive, round_, ready))
        to_come = sum(not archive.trials_of(c.id, "search") for c in ready) if begin else 0  # without time they never come
        at_the_cut = self._best_first(archive, ready, self._config.cut)
        go_on = self._to_the_end(archive, at_the_cut, to_come)
        more = self._more_seeds(archive, at_the_cut, to_come)
        batches = self._in_time(archive, (*begin, *go_on, *more))
        if not batches and not archive.ranked():
            batches = go_on[:1]  # however late it is: without one whole training there are no finals
        return Advance(batches) if batches else None

    def meanwhile(self, archive: Archive) -> Advance | Stop | None:
        """Train a round's candidates to the cut while replies for the others are waited for, as long as there is time."""
        if not affords(archive, self._config, self._final_units):
            return Stop("the model's endpoint was away until there was time left for the finals only", None)
        round_ = max(archive.rounds, default=1)
        batches = self._in_time(archive, self._to_the_cut(archive, round_, trainable(archive, archive.in_round(round_))))
        return Advance(batches) if batches else None

    def _in_time(self, archive: Archive, batches: tuple[Batch, ...]) -> tuple[Batch, ...]:
        """Leave out what would end so late that the finals could not."""
        return in_time(archive, batches, self._final_units)

    @property
    def _kept(self) -> int:
        return better_half(self._config.population)

    @property
    def _final_units(self) -> int:
        return final_units(self._config.size, len(self._baselines))

    # Proposals -------------------------------------------------------------------------------------------------------

    def _slots(self, archive: Archive, round_: int) -> list[Slot]:
        """Plan a round: fresh ones first, then mutations, crossovers and tunings of the best of earlier rounds."""
        population = self._config.population
        parents = tie_broken(archive, [c.id for c in archive.ranked() if c.round < round_])
        fresh = population if not parents else round(self._fresh(archive, round_) * population)
        slots = fresh_slots(round_, range(fresh))
        for turn, sample in enumerate(range(fresh, population)):
            verb, chosen = descent(turn, parents)
            slots.append(Slot(round=round_, sample=sample, verb=verb, parents=chosen))
        return slots

    def _fresh(self, archive: Archive, round_: int) -> float:
        """Return the share that is written anew, moved by which kind won each round from the second on."""
        share = self._config.fresh
        for earlier in range(2, round_):
            best = self._best_first(archive, archive.in_round(earlier), 1.0)
            kinds = {c.verb is Verb.INIT for c in archive.in_round(earlier)}
            if best and len(kinds) == 2:
                step = FRESH_STEP if best[0].verb is Verb.INIT else -FRESH_STEP
                share = min(MOST_FRESH, max(LEAST_FRESH, share + step))
        return share

    # Trainings -------------------------------------------------------------------------------------------------------

    def _to_the_cut(self, archive: Archive, round_: int, ready: list[Candidate]) -> tuple[Batch, ...]:
        """Start every candidate, and with the first round the baselines, which are never cut."""
        config = self._config
        baselines = untrained(archive, self._baselines, config.seed) if round_ == 1 else ()
        return (*baselines, *untrained(archive, [c.id for c in ready], config.seed, until=config.cut))

    def _to_the_end(self, archive: Archive, at_the_cut: list[Candidate], to_come: int) -> tuple[Batch, ...]:
        """Let the better half by the score at the cut go on to the end: who belongs to it however the `to_come` others do."""
        if self._config.cut >= 1:
            return ()
        kept = at_the_cut[: max(0, self._kept - to_come)]
        seed = search_seed(self._config.seed)
        paused = [c for c in kept if not any(t.is_whole for t in archive.trials_of(c.id, "search"))]
        return tuple(Batch(c.id, "search", (seed,), since=self._config.cut) for c in paused)

    def _more_seeds(self, archive: Archive, at_the_cut: list[Candidate], to_come: int) -> tuple[Batch, ...]:
        """Try the best of the round on more seeds: who belongs to them however the trainings end that aren't over."""
        whole = self._best_first(archive, at_the_cut, 1.0)
        if self._config.cut < 1:
            to_come = min(self._kept, len(at_the_cut) + to_come) - len(whole)
        best = whole[: max(0, self._config.confirm - to_come)]
        seeds = confirm_seeds(self._config.seed, self._config.confirm_seeds)
        lacking = [c for c in best if not {t.seed for t in archive.trials_of(c.id, "search")}.issuperset(seeds)]
        return tuple(Batch(c.id, "search", seeds) for c in lacking)

    def _best_first(self, archive: Archive, candidates: list[Candidate], fraction: float) -> list[Candidate]:
        """Order candidates by their score on the first seed at a share of the training; those without one are left out."""
        scores = {c.id: first_score(archive, c.id, self._config.seed, fraction) for c in candidates}
        scored = [(-score, c.sample, c) for c in candidates if (score := scores[c.id]) is not None]
        return [c for *_, c in sorted(scored, key=lambda item: item[:2])]

    # The end ---------------------------------------------------------------------------------------------------------

    def _why_stop(self, archive: Archive, round_: int) -> str:
        """Return why no further round is begun, or ""."""
        if archive.spent:
            return archive.spent
        if round_ == 1:
            return ""
        if self._reached(archive):
            return f"the target of {self._config.target:g} is reached"
        if self._stalled(archive, round_):
            return f"{PATIENCE_ROUNDS} rounds brought less than one standard error"
        size, cut = self._config.size, self._config.cut
        if not affords(archive, self._config, round_units(size, cut, 0) + self._final_units):
            holds = f"the budget of {self._config.budget} holds" if self._config.budget else "the time that is left allows"
            return f"{holds} no further round"
        return ""

    def _reached(self, archive: Archive) -> bool:
        best = archive.ranked()
        if self._config.target is None or not best:
            return False
        return lower_bound(archive.search_scores(best[0].id), archive.search_spread()) >= self._config.target

    def _stalled(self, archive: Archive, round_: int) -> bool:
        """Say whether the last two rounds together raised the best mean by less than one pooled standard error."""
        if round_ <= PATIENCE_ROUNDS + 1:
            return False
        ranked, spread = archive.ranked(), archive.search_spread()
        earlier = [c for c in ranked if c.round < round_ - PATIENCE_ROUNDS]
        if not earlier or spread is None:
            return False
        now, then = archive.search_scores(ranked[0].id), archive.search_scores(earlier[0].id)
        return fmean(now) - fmean(then) < spread.sd / math.sqrt(len(now))
