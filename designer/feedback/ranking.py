"""Rankings as feedback: what people answered by now is taken up; a rater that is played answers at once."""

from __future__ import annotations

import threading
import time

from designer.archive import Archive
from designer.config import Config
from designer.filming import film_candidates
from designer.journal import Asked, Event, OpinionTaken
from designer.opinions import read_opinions
from designer.preferences.asking import MOST_RANKED
from designer.preferences.pairs import pairs_of, rankings
from designer.preferences.simulated import NAME, answers
from designer.preferences.steering import standing_pairs
from designer.records import Ranking
from designer.reviewing import opinions_for
from designer.runs import Run
from designer.workbench import Workbench

LOOK_EVERY_S = 2.0


def ask_raters(bench: Workbench, archive: Archive, round_: int, stopping: threading.Event) -> list[Event]:
    """Return the answers that a round may use, then that it asked. People are waited for as long as they are to be."""
    if bench.config.feedback.rater == "simulated":
        return [*_simulated(bench.config, archive, round_), Asked(round=round_)]
    if bench.config.clips:
        run = Run(bench.folder, bench.task, bench.table, bench.config)
        for _ in film_candidates(run, bench.executor, [name for name in archive.candidates if _is_trained(archive, name)]):
            pass  # a clip that can't be made is missing at the desk, which says so
    _wait_for_people(bench, archive, stopping)
    return [*opinions_for(bench.folder, archive, round_), Asked(round=round_)]


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


def _simulated(config: Config, archive: Archive, round_: int) -> list[Event]:
    """Have the played rater compare: it knows the hidden fitness, and errs as often as it is told to."""
    worth = {name: score for name in sorted(archive.candidates) if (score := archive.search_score(name)) is not None}
    seed = f"{config.search.seed} {round_}"
    before, among = standing_pairs(archive), list(worth)[-MOST_RANKED:]
    given = answers(worth, before, among, config.feedback.answers, config.feedback.error, seed)
    return [
        OpinionTaken(id=f"{NAME}-{round_}-{k}", kind="rank", round=round_, by=NAME, ranking=Ranking(shown=both, places=(0, 1)))
        for k, both in enumerate(given)
    ]
