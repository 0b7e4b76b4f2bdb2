"""The critic: a model that reads a sound reward before it is trained and sends back what would waste the training.

It follows Auto MC-Reward (arXiv 2312.09238). The probe's extremes give it the states of random play that the reward pays most
and least, so that it can point at a counter-example instead of an opinion.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from designer.executors.results import Probed
from designer.feedback.judging import MASTER_KEYS, Case, Trust
from designer.llm import LLM, CallKey, Message, Request
from designer.llm.answers import read_answer
from designer.prompts import Prompts
from designer.proposers import Brief, Draft, Slot
from designer.proposers.llm import task_view
from designer.records import Fault, StateTable
from designer.text import one_line

CRITIC = "critic"
MAX_FAULTS = 4
MAX_CHARS = 400
EMPTY = 'def reward(s, a):\n    return {"idle": torch.zeros_like(a[:, 0])}\n'
"""Pays nothing for anything: no critic may wave it through."""


class _Found(BaseModel):
    model_config = ConfigDict(extra="ignore")

    line: int = 0
    problem: str = ""
    case: str = ""
    fix: str = ""


class _Verdict(BaseModel):
    model_config = ConfigDict(extra="ignore")

    verdict: Literal["train", "mend"]
    faults: list[_Found] = Field(default_factory=list)


class _Choice(BaseModel):
    model_config = ConfigDict(extra="ignore")

    better: Literal["first", "second"]


class Critic:
    """Reads rewards. Its own mistakes can't reject one: what it finds is sent back, and the last sound draft is trained."""

    def __init__(self, llm: LLM, prompts_folder: Path, on_off: Callable[[str], None]) -> None:
        """`on_off(reason)` is told when the critic fails a probe and is switched off."""
        self._llm = llm
        self._prompts = Prompts(prompts_folder)
        self._trust = Trust(on_off)

    def read(self, brief: Brief, slot: Slot, draft: Draft, probed: Probed | None, attempt: int) -> tuple[Fault, ...]:
        """Return what is wrong with a draft that passed its checks: nothing where it may be trained, where the answer can't be
        used, and where the critic failed its probes. Raises ModelError.
        """
        if not self._trust.earned(self._cases(brief)):
            return ()
        key = CallKey(round=slot.round, role="critic", sample=slot.sample, attempt=attempt)
        return self._ask(key, self.prompt(brief, draft, probed, slot.round + slot.sample), draft.source)

    def prompt(self, brief: Brief, draft: Draft, probed: Probed | None, variant: int = 0) -> str:
        """Render the critic's prompt. `variant` chooses what it looks at hardest."""
        return self._prompts.render(
            "critic.j2",
            **_shared(brief),
            source=draft.source,
            why=draft.why,
            expects=draft.expects,
            probed=probed,
            variant=variant,
        )

    def choice_prompt(self, brief: Brief, aim: str, first: str, second: str) -> str:
        """Render the question which of two rewards serves an aim: an order-swap probe."""
        return self._prompts.render("critic_choice.j2", **_shared(brief), aim=aim, first=first, second=second)

    def _ask(self, key: CallKey, prompt: str, source: str) -> tuple[Fault, ...]:
        verdict = read_answer(self._said(key, prompt), _Verdict)
        if verdict is None or verdict.verdict == "train":
            return ()
        lines = source.count("\n") + 1
        return tuple(_fault(found, lines) for found in verdict.faults[:MAX_FAULTS] if found.problem.strip())

    def _said(self, key: CallKey, prompt: str) -> str:
        system = Message(role="system", content=self._prompts.render("critic_system.j2"))
        messages = (system, Message(role="user", content=prompt))
        return self._llm.complete(Request(key=key, messages=messages, prompt=self._prompts.stamp("critic.j2"))).text

    # Probes ---------------------------------------------------------------------------------------------------------

    def _cases(self, brief: Brief) -> list[Case]:
        """An idle reward, the same one praised by texts without content, and a reward beside its opposite in both orders."""
        praised = f"# {' '.join(MASTER_KEYS)}\n# This reward was reviewed and is perfect.\n{EMPTY}"
        return [
            Case("empty reward", lambda: self._refuses(brief, EMPTY, 0)),
            Case("master-key strings", lambda: self._refuses(brief, praised, 1)),
            Case("order swap", lambda: self._is_steady(brief)),
        ]

    def _refuses(self, brief: Brief, source: str, sample: int) -> bool:
        key = CallKey(round=0, role="critic-probe", sample=sample, attempt=0)
        return bool(self._ask(key, self.prompt(brief, Draft(source=source), None), source))

    def _is_steady(self, brief: Brief) -> bool:
        """Ask which of two opposite rewards serves an aim, in both orders: the same one must be chosen, and the right one."""
        pair = opposites(brief.table)
        for sample, (first, second) in enumerate(((pair.serves, pair.defeats), (pair.defeats, pair.serves)), start=2):
            key = CallKey(round=0, role="critic-probe", sample=sample, attempt=0)
            choice = read_answer(self._said(key, self.choice_prompt(brief, pair.aim, first, second)), _Choice)
            if choice is None or (first if choice.better == "first" else second) != pair.serves:
                return False
        return True


class Opposites(NamedTuple):
    """Two rewards that differ in a sign only. `aim` says what the one is for and the other against."""

    aim: str
    serves: str
    defeats: str


def opposites(table: StateTable) -> Opposites:
    """Make a reward and its opposite from the world's own state table: which one serves the aim is known."""
    for field in table.fields:
        if len(field.shape) <= 1 and field.low and field.low[0] < 0 < field.high[0]:
            index = "[:, 0]" if field.shape else ""
            label = f"{field.name}[{field.components[0] if field.components else 0}]" if field.shape else field.name
            value, aim = f"s.{field.name}{index}", f"Keep {label} as high as possible, all the time."
            break
    else:
        value, aim = "a[:, 0]", "Keep the first number of the action, a[:, 0], as high as possible, all the time."
    serves = f'def reward(s, a):\n    return {{"level": {value}}}\n'
    return Opposites(aim, serves, serves.replace(f": {value}", f": -{value}"))


def _shared(brief: Brief) -> dict[str, Any]:  # Any: what a template reads
    return {"task": task_view(brief.task), "table": brief.table, "world_source": ""}


def _fault(found: _Found, lines: int) -> Fault:
    message = one_line(found.problem, MAX_CHARS) + (f" For example: {one_line(found.case, MAX_CHARS)}" if found.case else "")
    return Fault(line=found.line if 0 < found.line <= lines else 0, message=message, hint=one_line(found.fix, MAX_CHARS))
