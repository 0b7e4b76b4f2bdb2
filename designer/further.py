"""What can be begun when a slot is idle while other trainings are still at work.

The search is asked as it would be if the run were killed now and gone on with. So whatever is begun here would have been begun
anyway, and a run on many slots does the same trainings as one on a single slot.
"""

from __future__ import annotations

from collections.abc import Iterable

from designer.archive import Archive
from designer.screening import looks_before
from designer.search import Advance, Batch, Search
from designer.workbench import Workbench


def further(bench: Workbench, search: Search, archive: Archive, begun: Iterable[Batch]) -> tuple[Batch, ...]:
    """Return trainings that can begin beside those of `begun` that aren't over.

    A search that leaves out what is at work has given it up, since time is short: nothing is built on such an answer. Who is to
    be looked at first waits, and so do rewards that share a box: they are trained a round at a time.
    """
    action = search.next(archive)
    if bench.config.training.share_box or not isinstance(action, Advance):
        return ()
    at_work = {b for b in begun if not archive.has_trained(b.candidate, b.purpose, b.seeds, b.until)}
    new = tuple(batch for batch in action.batches if batch not in at_work)
    if not at_work.issubset(action.batches) or looks_before(bench, new, archive):
        return ()
    return new
