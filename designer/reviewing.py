"""What is done before a round is proposed: people's words and rewards are taken up, failing episodes are read."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Protocol

from designer.archive import Archive
from designer.auditing import hindsights
from designer.errors import BudgetSpentError, ReplyMissingError
from designer.evidence import stored_analysis
from designer.feedback.analyst import ANALYST, Analyst
from designer.feedback.statistics import remarks_on
from designer.journal import BudgetSpent, CandidateProposed, OpinionTaken, Reviewed
from designer.library import memory_of
from designer.opinions import pending
from designer.preferences.steering import preferred
from designer.proposers import Brief, Draft, Entry, Example, Ranked, Slot, Step
from designer.proposing import candidate_of, examine
from designer.records import Verb
from designer.workbench import Workbench

PERSON = "person"
MAX_STEPS = 5


def opinions_for(folder: Path, archive: Archive, round_: int) -> list[OpinionTaken]:
    """Return what people said since the last round. A round that has begun takes up nothing more: all its slots are told
    the same.
    """
    if archive.in_round(round_):
        return []
    return [OpinionTaken(round=round_, **opinion.model_dump(exclude={"round"})) for opinion in pending(folder, archive, round_)]


def brief_for(bench: Workbench, archive: Archive, round_: int, world_source: str) -> Brief:
    """Sum up what the proposer of a round may know: the same for every slot, whichever is filled first.

    Where people alone steer, nobody who writes rewards is told a score either.
    """
    archive = archive.unscored() if bench.config.by_people_alone else archive
    entries = archive.entries(round_, remarks_on(archive))
    ranked = ranked_for(archive, entries, round_)
    seed = bench.config.search.seed
    shown = memory_of(bench.folder).examples
    examples = tuple(Example(winner.world, winner.text, winner.source, winner.evidence) for winner in shown)
    return Brief(bench.task, bench.table, entries, seed, notes_for(archive, round_), world_source, ranked, examples)


def notes_for(archive: Archive, round_: int) -> tuple[str, ...]:
    """Return what people said up to a round, each with what it is about, as prompts quote it."""
    undone = {opinion.name for opinion in archive.opinions if opinion.kind == "undo" and opinion.round <= round_}
    said = [o for o in archive.opinions if o.kind in ("say", "reject") and o.round <= round_ and o.id not in undone]
    return tuple(_quoted(opinion, archive) for opinion in said)


def _quoted(opinion: OpinionTaken, archive: Archive) -> str:
    if opinion.kind == "reject":
        return f"{opinion.name} was rejected: {opinion.text}"
    about = opinion.about
    if about is None:
        return opinion.text
    if about.clip_s is not None:
        return f"on {about.candidate}, {about.clip_s:.1f} s into its episode: {opinion.text}"
    source = archive.candidates[about.candidate].source if about.candidate in archive.candidates else ""
    lines = source.splitlines()
    if about.line is not None and 0 < about.line <= len(lines):
        return f"on {about.candidate}, line {about.line}, {lines[about.line - 1].strip()!r}: {opinion.text}"
    return f"on {about.candidate}: {opinion.text}"


def ranked_for(archive: Archive, entries: tuple[Entry, ...], round_: int) -> Ranked | None:
    """Return what a round's prompts are told of people's rankings, or None where there are none."""
    found = preferred(archive, round_)
    known = {entry.candidate.id: entry for entry in entries}
    if found is None or found.best not in known or found.worst not in known:
        return None
    way = [known[name].candidate for name in (*found.before, found.best) if name in known][-MAX_STEPS - 1 :]
    steps = tuple(Step(old.id, new.id, _diff(old.source, new.source)) for old, new in pairwise(way))
    return Ranked(known[found.best], known[found.worst], steps, found.answers)


def _diff(old: str, new: str) -> str:
    return "\n".join(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=1))


def preparations(bench: Workbench, archive: Archive, round_: int) -> list[partial[CandidateProposed] | partial[Reviewed]]:
    """Return what is to be done once opinions are in: examine people's rewards, and look back at what was trained."""
    added = [partial(examine_added, slot, opinion, bench) for slot, opinion in added_slots(bench, archive, round_)]
    return [*added, *hindsights(bench, archive)]


def added_slots(bench: Workbench, archive: Archive, round_: int) -> list[tuple[Slot, OpinionTaken]]:
    """Return the slots behind the round's own for rewards that people handed in and that are not candidates yet."""
    added = [opinion for opinion in archive.opinions if opinion.kind == "add" and opinion.round == round_]
    slots = [_slot_for(opinion, round_, bench.config.search.population + k) for k, opinion in enumerate(added)]
    return [(slot, opinion) for slot, opinion in zip(slots, added, strict=True) if slot.id not in archive.candidates]


def _slot_for(added: OpinionTaken, round_: int, sample: int) -> Slot:
    """Place a person's reward; an edit of a candidate descends from it."""
    if added.about:
        return Slot(round=round_, sample=sample, verb=Verb.MUTATE, parents=(added.about.candidate,))
    return Slot(round=round_, sample=sample, verb=Verb.INIT)


def examine_added(slot: Slot, added: OpinionTaken, bench: Workbench) -> CandidateProposed:
    """Make a person's reward a candidate like any other; nobody mends it."""
    draft = Draft(source=added.text, why=f"handed in by a person: {added.name}")
    return candidate_of(slot, examine(draft, slot, bench, attempt=0), PERSON, bench)


class Reader(Protocol):
    """Looks at the parents' trials before a round is proposed, at most `parallel` at once."""

    @property
    def parallel(self) -> int: ...

    def readings(
        self, wanted: tuple[Slot, ...], brief: Brief, archive: Archive, bench: Workbench
    ) -> list[Callable[[], Reviewed | BudgetSpent]]:
        """Return what is to be read for these slots."""
        ...


class EpisodeReader(NamedTuple):
    """Has parents' failing episodes read by the analyst. Implements `Reader`."""

    analyst: Analyst
    parallel: int

    def readings(
        self, wanted: tuple[Slot, ...], brief: Brief, archive: Archive, bench: Workbench
    ) -> list[Callable[[], Reviewed | BudgetSpent]]:
        names = unread_parents(wanted, archive)
        return [partial(review, self.analyst, brief, name, archive, bench.folder) for name in names]


def unread_parents(wanted: tuple[Slot, ...], archive: Archive) -> list[str]:
    """Return the parents of these slots whose episodes no analyst has read."""
    parents = dict.fromkeys(parent for slot in wanted for parent in slot.parents)
    return [name for name in parents if (ANALYST, name) not in archive.reviews and archive.trials_of(name, "search")]


def review(analyst: Analyst, brief: Brief, name: str, archive: Archive, folder: Path) -> Reviewed | BudgetSpent:
    """Have a candidate's worst episode compared with the best one of the best candidate so far."""
    own = stored_analysis(folder, archive.trials_of(name, "search")[0])
    best = stored_analysis(folder, archive.trials_of(archive.ranked()[0].id, "search")[0])
    nothing = Reviewed(reviewer=ANALYST, candidate=name, remarks=())
    if own is None or best is None:
        return nothing
    try:
        found = analyst.read(brief, archive.candidates[name], own.policies[0].worst, best.policies[0].best)
    except BudgetSpentError as spent:
        return BudgetSpent(reason=str(spent))
    except ReplyMissingError:  # a replay took another turn than the run whose replies it plays
        return nothing
    return Reviewed(reviewer=ANALYST, candidate=name, remarks=found.remarks, dropped=found.dropped)
