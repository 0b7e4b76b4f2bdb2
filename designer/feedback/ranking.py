"""Rankings as feedback: what people said by now is taken up; a model, an order of factors or a played rater answers at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from designer.archive import Archive
from designer.config import Config
from designer.errors import BudgetSpentError, MachineError, ReplyMissingError
from designer.evidence import stored_analysis
from designer.feedback.model_rater import ModelRater, Shown
from designer.filming import film_candidates
from designer.journal import Asked, BudgetSpent, Event, OpinionTaken
from designer.opinions import read_opinions
from designer.preferences.asking import MOST_RANKED, next_new_pair, next_pair
from designer.preferences.hierarchy import decision, spreads
from designer.preferences.pairs import Pair, pairs_of, rankings
from designer.preferences.simulated import NAME, answers
from designer.preferences.steering import standing_pairs
from designer.records import Ranking
from designer.reviewing import opinions_for
from designer.runs import Run
from designer.watching import stills
from designer.workbench import Workbench

Asks = Callable[[Workbench, Archive, int, threading.Event], Iterator[Event]]
LOOK_EVERY_S = 2.0
MODEL, HERON = "model", "heron"
EACH_COMPARED, MOST_COMPARED = 2, 60
"""How many comparisons by an order of factors a round has for each candidate, and in all: they cost nothing but time."""


def ask_raters(
    bench: Workbench, archive: Archive, round_: int, stopping: threading.Event, model: ModelRater | None = None
) -> Iterator[Event]:
    """Yield the answers that a round may use, then that it asked. People are waited for as long as they are to be.

    An event is yielded once it may be written down, so that a model's answer is kept before the next one is bought.
    """
    rater = bench.config.feedback.rater
    if rater == "simulated":
        yield from _simulated(bench.config, archive, round_)
    elif rater == "heron":
        yield from opinions_for(bench.folder, archive, round_)
        yield from _by_order(bench, archive, round_)
    elif rater == "model":
        yield from opinions_for(bench.folder, archive, round_)
        yield from _by_model(bench, archive, round_, model) if model else ()
    else:
        yield from _by_people(bench, archive, round_, stopping)
    yield Asked(round=round_)


def _by_people(bench: Workbench, archive: Archive, round_: int, stopping: threading.Event) -> list[OpinionTaken]:
    if bench.config.clips:
        run = Run(bench.folder, bench.task, bench.table, bench.config)
        for _ in film_candidates(run, bench.executor, [name for name in archive.candidates if _is_trained(archive, name)]):
            pass  # a clip that can't be made is missing at the desk, which says so
    _wait_for_people(bench, archive, stopping)
    return opinions_for(bench.folder, archive, round_)


def _is_trained(archive: Archive, name: str) -> bool:
    return any(trial.result for trial in archive.trials_of(name, "search"))


def _wait_for_people(bench: Workbench, archive: Archive, stopping: threading.Event) -> None:
    """Wait until enough comparisons with a candidate of the last round are there, or the time is over."""
    feedback, latest = bench.config.feedback, {c.id for c in archive.in_round(max(archive.rounds, default=0))}
    until = time.monotonic() + feedback.wait_s
    while time.monotonic() < until and not stopping.is_set():
        pairs = pairs_of(rankings(read_opinions(bench.folder)))
        if sum(bool(latest & {pair.better, pair.worse}) for pair in pairs) >= feedback.answers:
            return
        stopping.wait(min(LOOK_EVERY_S, max(0.0, until - time.monotonic())))


# Raters that answer at once -------------------------------------------------------------------------------------------


def _simulated(config: Config, archive: Archive, round_: int) -> Iterator[OpinionTaken]:
    """Have the played rater compare: it knows the hidden fitness, and errs as often as it is told to."""
    worth = {name: score for name in sorted(archive.candidates) if (score := archive.search_score(name)) is not None}
    seed = f"{config.search.seed} {round_}"
    before, among = _told_before(archive, round_, NAME), list(worth)[-MOST_RANKED:]
    asked = config.feedback
    for k, order in enumerate(answers(worth, before, among, asked.answers, asked.error, seed, asked.shown)):
        yield from _new(archive, _taken(NAME, round_, k, Ranking(shown=order, places=tuple(range(len(order))))))


def _by_order(bench: Workbench, archive: Archive, round_: int) -> Iterator[OpinionTaken]:
    """Compare candidates factor by factor, by the means over their judging episodes; a reward that repeats one is that one."""
    order = bench.task.order
    own = [name for name in sorted(archive.candidates) if not archive.duplicate_of(name)]
    reached = {name: found for name in own if (found := archive.factors(name))}
    names = list(reached)[-MOST_RANKED:]
    spread = spreads([reached[name] for name in names])
    pairs, done = _told_before(archive, round_, HERON), set[frozenset[str]]()
    for k in range(max(bench.config.feedback.answers, min(EACH_COMPARED * len(names), MOST_COMPARED))):
        asked = next_new_pair(names, pairs, done)
        if asked is None:
            return
        done.add(frozenset(asked))
        found = decision(order, spread, reached[asked[0]], reached[asked[1]])
        places = (0, 0) if found is None else (0, 1) if found.first_is_better else (1, 0)
        taken = _taken(HERON, round_, k, Ranking(shown=asked, places=places))
        pairs += pairs_of([taken])
        yield from _new(archive, taken)


def _by_model(bench: Workbench, archive: Archive, round_: int, model: ModelRater) -> Iterator[Event]:
    """Have the language model compare what its episodes show. Where its budget ends, so do its answers."""
    try:
        if not model.trusted(bench.table):
            return
        shown = {name: found for name in sorted(archive.candidates) if (found := _shown(bench, archive, name))}
        pairs, seed = _told_before(archive, round_, MODEL), f"{bench.config.search.seed} {round_}"
        for k in range(bench.config.feedback.answers):
            asked = next_pair(list(shown)[-MOST_RANKED:], pairs, f"{seed} {k}")
            if asked is None:
                return
            places = model.compare(bench.task, bench.table, shown[asked[0]], shown[asked[1]], round_, k)
            taken = _taken(MODEL, round_, k, Ranking(shown=asked, places=places))
            pairs += pairs_of([taken]) or [Pair(*asked, True, MODEL, taken.id)]  # not to be asked again at once
            yield from _new(archive, taken)
    except BudgetSpentError as spent:
        yield BudgetSpent(reason=str(spent))
    except ReplyMissingError:  # a replay took another turn than the run whose replies it plays
        return


def _shown(bench: Workbench, archive: Archive, name: str) -> Shown | None:
    """Return what the model is shown of a candidate; None where no episode of it was summed up."""
    trials = archive.trials_of(name, "search")
    analysed = stored_analysis(bench.folder, trials[0]) if trials and trials[0].result else None
    if analysed is None:
        return None
    frames: tuple[str, ...] = ()
    if bench.config.llm.frames:
        with suppress(MachineError):  # a film that can't be made leaves the numbers
            frames = stills(bench, archive, name)
    return Shown(analysed.policies[0].worst, frames)


def _told_before(archive: Archive, round_: int, rater: str) -> list[Pair]:
    """Return the comparisons that this round's questions follow from.

    What the rater answered in this very round is left out: a run that was killed there asks the same again, and is told alike.
    """
    return [pair for pair in standing_pairs(archive) if not pair.source.startswith(f"{rater}-{round_}-")]


def _taken(rater: str, round_: int, number: int, ranking: Ranking) -> OpinionTaken:
    return OpinionTaken(id=f"{rater}-{round_}-{number}", kind="rank", round=round_, by=rater, ranking=ranking)


def _new(archive: Archive, taken: OpinionTaken) -> list[OpinionTaken]:
    """Return an answer unless the journal holds it already."""
    return [] if any(opinion.id == taken.id for opinion in archive.opinions) else [taken]
