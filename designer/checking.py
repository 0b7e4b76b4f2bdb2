"""`designer check`: one reward file against one world, offline."""

from __future__ import annotations

from designer.assemble import scratch_box
from designer.check import check
from designer.config import Config
from designer.proposing import probe_job, probe_verdict
from designer.records import StateTable, Status, Verdict
from designer.world_source import WorldSource


def check_and_probe(source: str, table: StateTable, config: Config, world: WorldSource) -> tuple[Verdict, float | None]:
    """Check a reward without running it, then on real transitions. Returns the verdict and, where known, seconds a call."""
    faults = check(source, table)
    if faults:
        return Verdict(status=Status.REJECTED, faults=faults), None
    with scratch_box(config, world) as (executor, scratch):
        result = executor.run(probe_job(source, table, config), scratch / "probe", lambda _: None)
    call_s = result.content.get("call_s")  # said by a box with a candidate's code: it may be anything
    return probe_verdict(result), call_s if isinstance(call_s, float) else None
