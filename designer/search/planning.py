"""What several search rules share: which trials are missing, how descendants are made, and how a search ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from designer.archive import RANDOM, Archive
from designer.budget import parse_budget
from designer.config import SearchConfig
from designer.proposers import Slot
from designer.records import Candidate, TrialKey, Verb
from designer.search import Action, Advance, Batch, Propose, Stop, batch_units
from designer.seeds import final_seeds, search_seed
from designer.statistics import mean

Plan = Callable[[Archive, int], Sequence[Slot]]
"""Says which slots a round has, from what is known of the rounds before it."""

SLACK = 1.15
"""What trainings may take longer than those before them, where they must end at a time of day."""
ALL_DONE = "all rounds and the final trainings are done"
BASELINES_ONLY = "only baselines were asked for"
NOTHING_TRAINED = "no candidate could be trained to the end"


def missing_slots(archive: Archive, round_: int, population: int, plan: Plan) -> tuple[Slot, ...]:
    """Return the slots of a round that no candidate fills yet. A full round isn't planned again."""
    there = {candidate.sample for candidate in archive.in_round(round_)}
    if there.issuperset(range(population)):
        return ()
    return tuple(slot for slot in plan(archive, round_) if slot.sample not in there)


def fresh_slots(round_: int, samples: range) -> list[Slot]:
    """Plan candidates that are written anew."""
    return [Slot(round=round_, sample=sample, verb=Verb.INIT) for sample in samples]


def descent_verb(turn: int) -> Verb:
    """Return how the turn-th descendant of a round is made, where there are parents enough."""
    return (Verb.MUTATE, Verb.CROSSOVER, Verb.TUNE, Verb.SIMPLIFY)[turn % 4]


def descent(turn: int, parents: Sequence[str]) -> tuple[Verb, tuple[str, ...]]:
    """Say how the turn-th descendant of a round is made: mutate the best, cross the best two, tune, simplify."""
    verb = descent_verb(turn)
    if verb is Verb.CROSSOVER and len(parents) > 1:
        return verb, (parents[0], parents[1])
    if verb is Verb.CROSSOVER:
        verb = Verb.MUTATE
    return verb, (parents[(turn // 4) % len(parents)],)


def trainable(archive: Archive, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates that nothing keeps from being trained."""
    return [candidate for candidate in candidates if archive.trainable(candidate.id)]


def untrained(archive: Archive, names: Sequence[str], run_seed: int, until: float = 1.0) -> tuple[Batch, ...]:
    """Return a training on the search's first seed for each name that has none."""
    seed = search_seed(run_seed)
    return tuple(Batch(name, "search", (seed,), until) for name in names if not archive.trials_of(name, "search"))


def first_score(archive: Archive, candidate: str, run_seed: int, fraction: float) -> float | None:
    """Return a candidate's fitness on the search's first seed at a share of its training, or None."""
    trial = archive.trials.get(TrialKey(candidate, "search", search_seed(run_seed)))
    return trial.fitness_at(fraction) if trial else None


def missing_finals(archive: Archive, names: Sequence[str], config: SearchConfig) -> tuple[Batch, ...]:
    """Return the final trainings that these rewards still lack: all seeds of one reward in one box."""
    seeds = final_seeds(config.seed, config.final_seeds)
    done = {name: {trial.seed for trial in archive.trials_of(name, "final")} for name in names}
    return tuple(Batch(name, "final", seeds) for name in names if not done[name].issuperset(seeds))


def best_of_finals(archive: Archive, finalists: Sequence[str], reason: str) -> Stop:
    """End with the finalist whose final mean is best; ties go to the one that ranked higher before."""
    means = {name: mean(archive.final_scores(name)) for name in finalists}
    scored = {name: value for name, value in means.items() if value is not None}
    if scored:
        return Stop(reason, max(scored, key=lambda name: scored[name]))
    return Stop(reason if reason == BASELINES_ONLY else archive.spent or NOTHING_TRAINED, None)


def plain_round(archive: Archive, config: SearchConfig, round_: int, plan: Plan) -> Action | None:
    """Return what a round still lacks whose candidates all train to the end on one seed, or None where it is done."""
    missing = missing_slots(archive, round_, config.population, plan)
    if missing and not archive.spent:
        return Propose(missing)
    ready = [candidate.id for candidate in trainable(archive, archive.in_round(round_))]
    batches = untrained(archive, ready, config.seed)
    return Advance(batches) if batches else None


def finals_or_stop(
    archive: Archive, config: SearchConfig, baselines: Sequence[str], finalists: Sequence[str], why: str = ALL_DONE
) -> Action:
    """Train the baselines and the finalists on the final seeds, then end with the best of them.

    Random play is a baseline wherever there is any: it costs no training.
    """
    if not config.rounds:
        finalists, why = (), BASELINES_ONLY
    finals = missing_finals(archive, [*([RANDOM] if baselines else []), *baselines, *finalists], config)
    if finals:
        return Advance(finals)
    return best_of_finals(archive, finalists, archive.spent or why)


def units_done(archive: Archive) -> float:
    """Return how many full trainings this run has done, pieces counted as what they are."""
    return sum(trial.until for trial in archive.trials.values() if trial.trained_here)


def affords(archive: Archive, config: SearchConfig, units: float) -> bool:
    """Say whether so many more full trainings fit into the budget, and before the time of day at which the run must end, going
    by what those so far took.

    Once the finals have begun nothing more does: a clock that runs faster later must not reopen the search.
    """
    ends = archive.left_s is not None
    if (config.budget or ends) and any(trial.purpose == "final" for trial in archive.trials.values()):
        return False
    return _in_time(archive, units) and _in_budget(archive, config, units)


def _in_budget(archive: Archive, config: SearchConfig, units: float) -> bool:
    budget = parse_budget(config.budget) if config.budget else None
    done = units_done(archive)
    if budget is None or budget.unit == "money" or not done:
        return True
    spent = done if budget.unit == "trainings" else archive.spent_s
    return spent + units * spent / done <= budget.amount


def _in_time(archive: Archive, units: float) -> bool:
    """Say whether so many trainings end in time. Waiting for replies is no part of their pace: an endpoint may be away."""
    if archive.left_s is None:
        return True
    done = units_done(archive)
    pace_s = (archive.training_s or archive.spent_s) / done if done else 0.0
    return archive.left_s > 0 and SLACK * units * pace_s <= archive.left_s


def in_time(archive: Archive, batches: Sequence[Batch], reserved: float) -> tuple[Batch, ...]:
    """Return as many of these trainings as end in time, with so many units to follow; all where no time is set."""
    if archive.left_s is None:
        return tuple(batches)
    kept: list[Batch] = []
    for batch in batches:
        if not _in_time(archive, reserved + sum(map(batch_units, [*kept, batch]))):
            break
        kept.append(batch)
    return tuple(kept)
