"""`designer check`: one reward file against one world, offline."""

from __future__ import annotations

from designer.assemble import scratch_box
from designer.check import check
from designer.config import Config
from designer.proposing import probe_job, probe_verdict
from designer.records import StateTable, Status, Verdict


def check_and_probe(source: str, table: StateTable, config: Config) -> tuple[Verdict, float]:
    """Check a reward without running it, then on real transitions. Returns the verdict and seconds a call."""
    faults = check(source, table)
    if faults:
        return Verdict(status=Status.REJECTED, faults=faults), 0.0
    with scratch_box(config) as (executor, scratch):
        result = executor.run(probe_job(source, table, config), scratch / "probe", lambda _: None)
    return probe_verdict(result), float(result.content.get("call_s", 0.0))
