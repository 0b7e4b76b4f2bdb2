"""Before a round is proposed: parents are filmed as stills, and a model that sees images says what they show."""

from __future__ import annotations

import base64
import binascii

from designer.archive import Archive
from designer.errors import BudgetSpentError, MachineError, ReplyMissingError
from designer.executors import Job
from designer.executors.results import read_stills
from designer.feedback.viewer import VIEWER, Viewer
from designer.filming import LIMITS, render_spec
from designer.journal import BudgetSpent, Reviewed
from designer.proposers import Brief, Slot
from designer.records import Status
from designer.trials import POLICY, Workbench

SECONDS = 10.0


def unseen_parents(wanted: tuple[Slot, ...], archive: Archive) -> list[str]:
    """Return the parents of these slots whose films nobody has looked at, in the order of their slots."""
    parents = dict.fromkeys(parent for slot in wanted for parent in slot.parents)
    return [name for name in parents if (VIEWER, name) not in archive.reviews and archive.trials_of(name, "search")]


def watch(viewer: Viewer, brief: Brief, name: str, archive: Archive, bench: Workbench) -> Reviewed | BudgetSpent:
    """Have a candidate's first policy filmed and looked at. A film that can't be made switches the viewer off."""
    nothing = Reviewed(reviewer=VIEWER, candidate=name, remarks=())
    if VIEWER in archive.judges_off:
        return nothing
    try:
        frames = film_stills(bench, archive, name)
        return nothing._replace(remarks=viewer.look(brief, archive.candidates[name], frames)) if frames else nothing
    except BudgetSpentError as spent:
        return BudgetSpent(reason=str(spent))
    except ReplyMissingError:  # a replay took another turn than the run whose replies it plays
        return nothing
    except MachineError as error:
        viewer.switch_off(f"no film of {name}: {error}")
        return nothing


def film_stills(bench: Workbench, archive: Archive, name: str) -> list[str]:
    """Return frames of one episode of a candidate's first search seed, as data URIs."""
