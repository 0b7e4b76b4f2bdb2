"""A language model as the proposer: one prompt, one reply, one draft a call."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from designer.candidates import parse_reply
from designer.llm import LLM, CallKey, Message, Request
from designer.prompts import Prompts
from designer.proposers import Brief, Draft, Entry, Slot
from designer.records import Fault, Task, Verb

DIGEST_ENTRIES = 60


class TaskView(NamedTuple):
    """What a prompt may know of a task. The fitness, the success measure and the human reward are not in it."""

    text: str
    score_unit: str
    counts_success: bool
    steps: int


class LanguageModel:
    """Asks an LLM for rewards. Implements `Proposer`.

    A prompt is the same for the same brief and slot; `slot.sample` chooses the idea that it starts from, so that
    replies differ even at temperature 0. Every reply has its own place: the slot, the verb and the attempt.
    """

    def __init__(self, llm: LLM, prompts_folder: Path) -> None:
        self.name = llm.name
        self._llm = llm
        self._prompts = Prompts(prompts_folder)

    def propose(self, brief: Brief, slot: Slot) -> Draft:
        """Write a first reward, or a revision of the slot's parents. Raises ModelError."""
        key = CallKey(round=slot.round, role=slot.verb, sample=slot.sample, attempt=0)
        return self._ask(key, self.prompt(brief, slot))

    def repair(self, brief: Brief, slot: Slot, draft: Draft, faults: tuple[Fault, ...], attempt: int) -> Draft:
        """Ask once for the same reward without its faults; the caller bounds the attempts. Raises ModelError."""
        key = CallKey(round=slot.round, role=Verb.REPAIR, sample=slot.sample, attempt=attempt)
        mended = self._ask(key, self.repair_prompt(brief, draft, faults))
        return mended.model_copy(update={"why": mended.why or draft.why, "expects": mended.expects or draft.expects})

    def prompt(self, brief: Brief, slot: Slot) -> str:
        """Render the prompt for a slot."""
        return self._prompts.render(
            "revise.j2" if slot.parents else "first.j2",
            task=_view(brief.task),
            table=brief.table,
            entries=brief.entries[-DIGEST_ENTRIES:],
            left_out=max(0, len(brief.entries) - DIGEST_ENTRIES),
            parents=_parents(brief, slot),
            verb=slot.verb,
            variant=slot.round + slot.sample,
        )

    def repair_prompt(self, brief: Brief, draft: Draft, faults: tuple[Fault, ...]) -> str:
        """Render the prompt that sends a draft back."""
        return self._prompts.render(
            "repair.j2", task=_view(brief.task), table=brief.table, source=draft.source, why=draft.why, faults=faults
        )

    def _ask(self, key: CallKey, prompt: str) -> Draft:
        system = Message(role="system", content=self._prompts.render("system.j2"))
        reply = self._llm.complete(Request(key=key, messages=(system, Message(role="user", content=prompt))))
        return parse_reply(reply.text, reply.finish_reason)


def _view(task: Task) -> TaskView:
    return TaskView(task.text, task.fitness_unit, task.success is not None, task.steps)


def _parents(brief: Brief, slot: Slot) -> list[Entry]:
    return [brief.entry(parent) for parent in slot.parents]
