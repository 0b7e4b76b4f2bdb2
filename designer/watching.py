"""Before a round is proposed: parents are filmed as stills, and a model that sees images says what they show."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from designer.archive import Archive
from designer.errors import BudgetSpentError, MachineError, ReplyMissingError
from designer.executors.results import read_stills
from designer.feedback.viewer import VIEWER, Viewer
from designer.filming import film_stills
from designer.journal import BudgetSpent, Reviewed
from designer.proposers import Brief, Slot
from designer.records import Status
from designer.runs import Run
from designer.workbench import Workbench


class FilmReader(NamedTuple):
    """Has parents' films looked at by the viewer. Implements `Reader`."""

    viewer: Viewer

    @property
    def parallel(self) -> int:
        """One after the other: whose film the probes use, and so what is asked, must not depend on threads."""
        return 1

    def readings(
        self, wanted: tuple[Slot, ...], brief: Brief, archive: Archive, bench: Workbench
    ) -> list[Callable[[], Reviewed | BudgetSpent]]:
        return [partial(watch, self.viewer, brief, name, archive, bench) for name in unseen_parents(wanted, archive)]


def unseen_parents(wanted: tuple[Slot, ...], archive: Archive) -> list[str]:
    """Return the parents of these slots whose films nobody has looked at, in the order of their slots."""
    parents = dict.fromkeys(parent for slot in wanted for parent in slot.parents)
    filmed = [name for name in parents if any(trial.result for trial in archive.trials_of(name, "search"))]
    return [name for name in filmed if (VIEWER, name) not in archive.reviews]


def watch(viewer: Viewer, brief: Brief, name: str, archive: Archive, bench: Workbench) -> Reviewed | BudgetSpent:
    """Have a candidate's first policy filmed and looked at. A film that can't be made switches the viewer off."""
    nothing = Reviewed(reviewer=VIEWER, candidate=name, remarks=())
    if VIEWER in archive.judges_off:
        return nothing
    try:
        frames = stills(bench, archive, name)
        return nothing.model_copy(update={"remarks": viewer.look(brief, archive.candidates[name], frames)})
    except BudgetSpentError as spent:
        return BudgetSpent(reason=str(spent))
    except ReplyMissingError:  # a replay took another turn than the run whose replies it plays
        return nothing
    except MachineError as error:
        viewer.switch_off(f"{name} could not be filmed: {error}")
        return nothing


def stills(bench: Workbench, archive: Archive, name: str) -> tuple[str, ...]:
    """Return frames of an episode of a candidate's first search seed, as data URIs. Raises MachineError."""
    trials = archive.trials_of(name, "search")
    trial = next(trial for trial in trials if trial.result)
    run = Run(bench.folder, bench.task, bench.table, bench.config)
    result = film_stills(run, bench.executor, trial, trials, bench.config.llm.frames)
    if result.status is not Status.OK:
        raise MachineError(result.error)
    return read_stills(result.content, bench.config.llm.frames)
