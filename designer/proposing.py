"""From a slot to a candidate: propose, check, probe, and send back what is wrong as often as the config allows."""

from __future__ import annotations

from contextlib import suppress

from designer.check import check
from designer.config import Config
from designer.errors import BudgetSpentError
from designer.executors import Job, JobResult, Limits
from designer.files import write_atomically
from designer.journal import BudgetSpent, CandidateProposed
from designer.proposers import Brief, Draft, Proposer, Slot
from designer.records import Candidate, Fault, StateTable, Status, Verdict
from designer.seeds import random_play_seed
from designer.trials import Workbench

PROBE_CPU_S = 60


def propose(proposer: Proposer, brief: Brief, slot: Slot, bench: Workbench) -> CandidateProposed | BudgetSpent:
    """Fill a slot. Returns a candidate, be it a rejected one: nothing that was tried is dropped. Without one only where the
    budget for model calls ends before the first reply.
    """
    try:
        draft = proposer.propose(brief, slot)
    except BudgetSpentError as spent:
        return BudgetSpent(reason=str(spent))
    draft, verdict = _mended(proposer, brief, slot, draft, bench)
    write_atomically(bench.folder / "candidates" / slot.id / "reward.py", draft.source)
    candidate = Candidate(
        id=slot.id,
        round=slot.round,
        sample=slot.sample,
        verb=slot.verb,
        parents=slot.parents,
        proposer=proposer.name,
        why=draft.why,
        expects=draft.expects,
        source=draft.source,
    )
    return CandidateProposed(candidate=candidate, verdict=verdict)


def _mended(proposer: Proposer, brief: Brief, slot: Slot, draft: Draft, bench: Workbench) -> tuple[Draft, Verdict]:
    """Send a refused draft back until it is sound, the attempts are used up, or the budget is."""
    verdict = examine(draft, slot, bench, attempt=0)
    with suppress(BudgetSpentError):  # the draft stays as it is
        for attempt in range(1, bench.config.llm.repairs + 1):
            if verdict.status is Status.OK:
                break
            mended = proposer.repair(brief, slot, draft, verdict.faults, attempt)
            if mended is None:
                break
            draft = mended
            verdict = examine(draft, slot, bench, attempt)
    return draft, verdict


def examine(draft: Draft, slot: Slot, bench: Workbench, attempt: int) -> Verdict:
    """Check a draft without running it, then run it on a few hundred real transitions in a box."""
    faults = draft.faults or check(draft.source, bench.table)
    if faults:
        return Verdict(status=Status.REJECTED, faults=faults, repairs=attempt)
    folder = f"candidates/{slot.id}/probe" + (f"-{attempt}" if attempt else "")
    return probe(draft.source, bench, folder, attempt)


def probe(source: str, bench: Workbench, folder: str, attempt: int = 0) -> Verdict:
    """Call the reward in a box, on a few hundred real transitions."""
    result = bench.executor.run(probe_job(source, bench.table, bench.config), bench.folder / folder, lambda _: None)
    return probe_verdict(result, attempt)


def probe_verdict(result: JobResult, attempt: int = 0) -> Verdict:
    """Turn a probe's end into a verdict."""
    if result.status is Status.OK:
        return Verdict(status=Status.OK, repairs=attempt)
    line, message = _split_line(result.error or f"the box ended with {result.status}")
    fault = Fault(line=line, message=message, hint="(seen when the reward was called)")
    return Verdict(status=result.status, faults=(fault,), repairs=attempt)


def probe_job(source: str, table: StateTable, config: Config) -> Job:
    """Describe the probe of a reward: the same transitions for every candidate of a run."""
    spec = {"world": table.world, "seed": random_play_seed(config.search.seed), "entry": "reward"}
    limits = Limits(cpu_s=PROBE_CPU_S, wall_s=4 * PROBE_CPU_S, memory_bytes=int(config.executor.memory_gb * 1024**3))
    return Job("probe", spec, {"reward.py": source.encode()}, limits)


def _split_line(error: str) -> tuple[int, str]:
    """Split "line 7: what" into its parts; (0, error) where no line is named."""
    head, _, rest = error.partition(": ")
    number = head.removeprefix("line ")
    return (int(number), rest) if head.startswith("line ") and number.isdigit() else (0, error)
