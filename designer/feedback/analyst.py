"""The trajectory analyst: a model that compares a failing episode with the best one and names a cause, with a step range.

It follows Auto MC-Reward (arXiv 2312.09238), whose analyst invents causes. So a claim enters a prompt only where the numbers
confirm it: the quantity that it names really changes as it says between the steps that it names.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from designer.executors.results import Episode
from designer.feedback.judging import MASTER_KEYS, Case, Trust
from designer.llm import LLM, CallKey, Message, Request
from designer.llm.answers import read_answer
from designer.prompts import Prompts
from designer.proposers import Brief
from designer.proposers.llm import task_view
from designer.records import Candidate, Remark, StateTable
from designer.text import one_line

ANALYST = "trajectory analyst"
MAX_CLAIMS = 3
MAX_QUANTITIES = 12
MOVED, UNMOVED = 0.2, 0.1
"""Shares of a quantity's usual range: it changed by at least the one, or stayed within the other."""


class Claim(BaseModel):
    """A cause as the analyst states it."""

    model_config = ConfigDict(extra="ignore")

    cause: str
    quantity: str
    from_step: int
    to_step: int
    change: Literal["rises", "falls", "stays"]
    suggestion: str = ""


class Claims(BaseModel):
    model_config = ConfigDict(extra="ignore")

    causes: list[Claim] = Field(default_factory=list)


class Row(NamedTuple):
    """A quantity's stage means in two episodes."""

    label: str
    one: tuple[float, ...]
    other: tuple[float, ...]


class Analysis(NamedTuple):
    """What came of it: remarks that the numbers confirm, and how many claims they don't."""

    remarks: tuple[Remark, ...] = ()
    dropped: int = 0


class Analyst:
    """Reads episodes in numbers."""

    def __init__(self, llm: LLM, prompts_folder: Path, on_off: Callable[[str], None]) -> None:
        """`on_off(reason)` is told when the analyst fails a probe and is switched off."""
        self._llm = llm
        self._prompts = Prompts(prompts_folder)
        self._trust = Trust(on_off)

    def read(self, brief: Brief, candidate: Candidate, failing: Episode, best: Episode) -> Analysis:
        """Find why an episode failed. Raises ModelError."""
        if not self._trust.earned(self._cases(brief)):
            return Analysis()
        key = CallKey(round=candidate.round, role="analyst", sample=candidate.sample, attempt=0)
        claims = self._asked(key, self.prompt(brief, failing, best, candidate.source))[:MAX_CLAIMS]
        fine = [claim for claim in claims if confirmed(claim, failing, brief.table)]
        remarks = tuple(Remark(candidate=candidate.id, source=ANALYST, kind="text", text=_told(claim)) for claim in fine)
        return Analysis(remarks, len(claims) - len(fine))

    def prompt(self, brief: Brief, failing: Episode, best: Episode, source: str) -> str:
        """Render the analyst's prompt."""
        rows = telling(failing, best, brief.table)
        return self._prompts.render(
            "analyst.j2",
            task=task_view(brief.task),
            table=brief.table,
            world_source="",
            failing=failing,
            best=best,
            rows=rows,
            source=source,
        )

    def _asked(self, key: CallKey, prompt: str) -> list[Claim]:
        system = Message(role="system", content=self._prompts.render("analyst_system.j2"))
        request = Request(
            key=key, messages=(system, Message(role="user", content=prompt)), prompt=self._prompts.stamp("analyst.j2")
        )
        claims = read_answer(self._llm.complete(request).text, Claims)
        return claims.causes if claims else []

    # Probes ---------------------------------------------------------------------------------------------------------

    def _cases(self, brief: Brief) -> list[Case]:
        """An episode of no steps, one whose events are texts without content, and two opposite episodes in both orders.

        Nothing can be concluded from the first two. In the last, what the failing episode shows is turned round by the swap.
        """
        empty = Episode(fitness=0.0, steps=0, edges=(0,), stages={}, events=())
        keys = tuple({"step": 0, "text": text} for text in MASTER_KEYS)
        praised = Episode.model_validate({**empty.model_dump(), "events": keys})
        return [
            Case("empty rollout", lambda: not self._probed(brief, empty, empty, 0)),
            Case("master-key strings", lambda: not self._probed(brief, praised, praised, 1)),
            Case("order swap", lambda: self._is_steady(brief)),
        ]

    def _is_steady(self, brief: Brief) -> bool:
        """Show two episodes in both orders: what rises in the one falls as far in the other. Each time a claim must hold of the
        failing one, and none of the other.
        """
        label = moving_quantity(brief.table)
        rises, falls = (made_episode(brief.table, label, sign) for sign in (1, -1))
        for sample, (failing, best) in enumerate(((falls, rises), (rises, falls)), start=2):
            best = best.model_copy(update={"fitness": 1.0})
            claims = self._probed(brief, failing, best, sample)
            right = any(confirmed(claim, failing, brief.table) for claim in claims)
            if not right or any(confirmed(claim, best, brief.table) for claim in claims):
                return False
        return True

    def _probed(self, brief: Brief, failing: Episode, best: Episode, sample: int) -> list[Claim]:
        key = CallKey(round=0, role="analyst-probe", sample=sample, attempt=0)
        return self._asked(key, self.prompt(brief, failing, best, ""))


PROBE_STEPS, PROBE_STAGES = 100, 5


def moving_quantity(table: StateTable) -> str:
    """Return the label of the world's first quantity that has a range."""
    for field in table.fields:
        if field.low and field.high[0] > field.low[0]:
            return f"{field.name}[{field.components[0]}]" if field.components else field.name
    return table.fields[0].name


def made_episode(table: StateTable, label: str, sign: int) -> Episode:
    """Make an episode in which one quantity goes through its whole usual range, up (1) or down (-1), and nothing else moves."""
    field = table.by_name[label.partition("[")[0]]
    low, high = field.low[0], max(field.high[0], field.low[0] + 1e-6)
    path = tuple(low + (high - low) * stage / (PROBE_STAGES - 1) for stage in range(PROBE_STAGES))
    edges = tuple(range(0, PROBE_STEPS + 1, PROBE_STEPS // PROBE_STAGES))
    way, ends = ("rises", (low, high)) if sign > 0 else ("falls", (high, low))
    event = {"step": 0, "text": f"{label} {way} steadily from {ends[0]:.3g} to {ends[1]:.3g} until the end"}
    stages = {label: path if sign > 0 else path[::-1]}
    return Episode.model_validate({"fitness": 0.0, "steps": PROBE_STEPS, "edges": edges, "stages": stages, "events": (event,)})


# What the numbers say ------------------------------------------------------------------------------------------------


def telling(one: Episode, other: Episode, table: StateTable) -> list[Row]:
    """Return the quantities in which the two episodes differ most, measured by their usual range."""
    rows = [Row(label, one.stages[label], other.stages[label]) for label in one.stages if label in other.stages]
    return sorted(rows, key=lambda row: -_difference(row, table))[:MAX_QUANTITIES]


def _difference(row: Row, table: StateTable) -> float:
    pairs = list(zip(row.one, row.other, strict=False))
    return sum(abs(a - b) for a, b in pairs) / max(1, len(pairs)) / width(row.label, table)


def confirmed(claim: Claim, episode: Episode, table: StateTable) -> bool:
    """Say whether the named quantity changes as claimed between the named steps."""
    means = episode.stages.get(claim.quantity.removeprefix("s."))
    if not means or not 0 <= claim.from_step < claim.to_step <= episode.steps or not claim.cause.strip():
        return False
    first, last = _stage(claim.from_step, episode), _stage(claim.to_step - 1, episode)
    usual = width(claim.quantity.removeprefix("s."), table)
    moved = (means[last] - means[first]) / usual
    if claim.change == "stays":
        seen = means[first : last + 1]
        return (max(seen) - min(seen)) / usual <= UNMOVED
    return moved >= MOVED if claim.change == "rises" else moved <= -MOVED


def _stage(step: int, episode: Episode) -> int:
    """Return the number of the stage that a step lies in."""
    return max(0, sum(edge <= step for edge in episode.edges[:-1]) - 1)


def width(label: str, table: StateTable) -> float:
    """Return the width of a quantity's usual range; 1 where the table doesn't know it."""
    name, _, rest = label.partition("[")
    field = table.by_name.get(name)
    if field is None:
        return 1.0
    component = rest.rstrip("]")
    labels = list(field.components)
    at = labels.index(component) if component in labels else int(component) if component.isdigit() else 0
    return max(field.high[at] - field.low[at], 1e-6) if at < len(field.low) else 1.0


def _told(claim: Claim) -> str:
    advice = f" It suggests: {one_line(claim.suggestion, 300)}" if claim.suggestion.strip() else ""
    seen = f"{one_line(claim.quantity, 60)} {claim.change} between steps {claim.from_step} and {claim.to_step}"
    return f"worst episode: {one_line(claim.cause, 300)} (confirmed by the numbers: {seen}).{advice}"
