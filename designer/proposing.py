"""From a slot to a candidate: propose, check, probe, send back what is wrong, and let a critic read what is sound."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from designer.check import check
from designer.config import Config
from designer.errors import BudgetSpentError, ReplyMissingError
from designer.executors import Job, JobResult, Limits
from designer.executors.results import Probed, read_probed
from designer.feedback.critic import Critic
from designer.files import write_atomically
from designer.journal import BudgetSpent, CandidateProposed
from designer.proposers import Brief, Draft, Proposer, Slot
from designer.records import Candidate, Fault, StateTable, Status, Verdict
from designer.seeds import random_play_seed
from designer.stages import form_of
from designer.workbench import SIGNATURE, Workbench

PROBE_CPU_S = 60


class Examined(NamedTuple):
    """A draft, what checking it found, and what its probe saw (None where it was not probed or the box said nonsense)."""

    draft: Draft
    verdict: Verdict
    probed: Probed | None


class Desk(NamedTuple):
    """Who works on the slots of a round, and with what."""

    proposer: Proposer
    critic: Critic | None
    brief: Brief
    bench: Workbench


def proposals_for(slots: Sequence[Slot], desk: Desk) -> list[partial[CandidateProposed | BudgetSpent]]:
    """Return what is to be done to fill these slots."""
    return [partial(propose, desk, slot) for slot in slots]


def propose(desk: Desk, slot: Slot) -> CandidateProposed | BudgetSpent:
    """Fill a slot. Returns a candidate, be it a rejected one: nothing that was tried is dropped. Without one only where the
    budget for model calls ends before the first reply.
    """
    try:
        draft = desk.proposer.propose(desk.brief, slot)
    except BudgetSpentError as spent:
        return BudgetSpent(reason=str(spent))
    examined = _mended(desk, slot, draft, first_attempt=0)
    if examined.verdict.status is Status.OK and desk.critic:
        examined = _criticised(desk, desk.critic, slot, examined)
    return candidate_of(slot, examined, desk.proposer.name, desk.bench)


def candidate_of(slot: Slot, examined: Examined, author: str, bench: Workbench) -> CandidateProposed:
    """Write a slot's reward down and make the event that tells of it."""
    draft = examined.draft
    write_atomically(bench.folder / "candidates" / slot.id / "reward.py", draft.source)
    form = form_of(draft.source)
    if examined.probed and examined.probed.rewards and form == "step":  # what a curriculum pays depends on its stage
        write_atomically(bench.folder / "candidates" / slot.id / SIGNATURE, examined.probed.rewards.model_dump_json())
    candidate = Candidate(
        id=slot.id,
        round=slot.round,
        sample=slot.sample,
        verb=slot.verb,
        parents=slot.parents,
        proposer=draft.author or author,
        why=draft.why,
        expects=draft.expects,
        form=form,
        source=draft.source,
    )
    return CandidateProposed(candidate=candidate, verdict=examined.verdict)


def _mended(desk: Desk, slot: Slot, draft: Draft, first_attempt: int) -> Examined:
    """Send a refused draft back until it is sound, the attempts are used up, or the budget is."""
    examined = examine(draft, slot, desk.bench, first_attempt)
    with suppress(BudgetSpentError):  # the draft stays as it is
        for attempt in range(first_attempt + 1, desk.bench.config.llm.repairs + 1):
            if examined.verdict.status is Status.OK:
                break
            mended = desk.proposer.repair(desk.brief, slot, examined.draft, examined.verdict.faults, attempt)
            if mended is None:
                break
            examined = examine(mended, slot, desk.bench, attempt)
    return examined


def _criticised(desk: Desk, critic: Critic, slot: Slot, sound: Examined) -> Examined:
    """Let the critic read a sound draft and have it mended; a result that isn't sound is dropped for the draft before it."""
    repairs = sound.verdict.repairs
    mended_times, criticism = 0, sound.verdict.criticism
    # The draft stays as it is, also where a replay took another turn than the run whose replies it plays.
    with suppress(BudgetSpentError, ReplyMissingError):
        for round_ in range(1, desk.bench.config.llm.critic + 1):
            found = critic.read(desk.brief, slot, sound.draft, sound.probed, round_)
            criticism = found or criticism
            if not found:
                break
            attempt = CRITIC_ATTEMPT + round_
            mended = desk.proposer.repair(desk.brief, slot, sound.draft, found, attempt)
            if mended is None:
                break
            examined = examine(mended, slot, desk.bench, attempt)
            if examined.verdict.status is not Status.OK:
                break
            sound, mended_times = examined, mended_times + 1
    verdict = Verdict(status=Status.OK, repairs=repairs, criticised=mended_times, criticism=criticism)
    return sound._replace(verdict=verdict)


CRITIC_ATTEMPT = 10
"""Attempts from here on answer the critic: their keys and folders never meet those of repairs."""


def examine(draft: Draft, slot: Slot, bench: Workbench, attempt: int) -> Examined:
    """Check a draft without running it, then run it on a few hundred real transitions in a box."""
    faults = draft.faults or check(draft.source, bench.table)
    if faults:
        return Examined(draft, Verdict(status=Status.REJECTED, faults=faults, repairs=attempt), None)
    folder = f"candidates/{slot.id}/probe" + (f"-{attempt}" if attempt else "")
    result = run_probe(draft.source, bench, folder)
    return Examined(draft, probe_verdict(result, attempt), read_probed(result.content))


def probe(source: str, bench: Workbench, folder: str, attempt: int = 0) -> Verdict:
    """Call the reward in a box, on a few hundred real transitions."""
    return probe_verdict(run_probe(source, bench, folder), attempt)


def run_probe(source: str, bench: Workbench, folder: str) -> JobResult:
    """Run the probe's box."""
    return bench.executor.run(probe_job(source, bench.table, bench.config), bench.folder / folder, lambda _: None)


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
