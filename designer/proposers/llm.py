"""A language model as the proposer: one prompt, one reply, one draft a call."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from designer.aid_settings import SolvedAsked
from designer.candidates import parse_reply
from designer.llm import LLM, CallKey, Message, Request
from designer.prompts import Prompts
from designer.proposers import Brief, Draft, Entry, FormAsked, Slot, form_asked
from designer.proposers.composer.compose import random_for
from designer.proposers.tuning import tuned
from designer.records import Fault, Task, Verb
from designer.stages import form_of

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
    replies differ even at temperature 0. Every reply has its own place: the slot, the verb and the attempt. `tune` asks
    nobody: it changes the parent's named numbers.
    """

    def __init__(
        self,
        llm: LLM,
        prompts_folder: Path,
        with_digest: bool = True,
        form: FormAsked = "step",
        *,
        asks_solved: SolvedAsked = "",
    ) -> None:
        """`with_digest`: whether prompts tell what was tried before, beside the parents. `form`: what is written anew.
        asks_solved: whether a file should say where the task is solved.
        """
        self.name = llm.name
        self._llm = llm
        self._prompts = Prompts(prompts_folder)
        self._with_digest = with_digest
        self._form = form
        self._asks_solved = asks_solved

    def propose(self, brief: Brief, slot: Slot) -> Draft:
        """Write a first reward, or a revision of the slot's parents. Raises ModelError."""
        if slot.verb is Verb.TUNE:
            return tuned(brief.entry(slot.parents[0]).candidate, random_for(brief, slot.id))
        key = CallKey(round=slot.round, role=slot.verb, sample=slot.sample, attempt=0)
        return self._ask(key, self._template(slot), self.prompt(brief, slot))

    def repair(self, brief: Brief, slot: Slot, draft: Draft, faults: tuple[Fault, ...], attempt: int) -> Draft:
        """Ask once for the same reward without its faults; the caller bounds the attempts. Raises ModelError."""
        key = CallKey(round=slot.round, role=Verb.REPAIR, sample=slot.sample, attempt=attempt)
        mended = self._ask(key, "repair.j2", self.repair_prompt(brief, draft, faults))
        return mended.model_copy(update={"why": mended.why or draft.why, "expects": mended.expects or draft.expects})

    def prompt(self, brief: Brief, slot: Slot) -> str:
        """Render the prompt for a slot."""
        listed = brief.entries[-DIGEST_ENTRIES:] if self._with_digest else ()
        return self._prompts.render(
            self._template(slot),
            task=task_view(brief.task),
            table=brief.table,
            world_source=brief.world_source,
            notes=brief.notes,
            preferred=brief.preferred,
            examples=brief.examples,
            entries=listed,
            left_out=len(brief.entries) - len(listed) if self._with_digest else 0,
            parents=_parents(brief, slot),
            verb=slot.verb,
            asks_solved=self._asks_solved,
            variant=3 * (slot.round - 1) + slot.sample,  # 3 shares no factor with the lists' lengths
        )

    def repair_prompt(self, brief: Brief, draft: Draft, faults: tuple[Fault, ...]) -> str:
        """Render the prompt that sends a draft back."""
        return self._prompts.render(
            "repair.j2",
            task=task_view(brief.task),
            table=brief.table,
            world_source="",
            source=draft.source,
            staged=form_of(draft.source) == "stages",
            asks_solved=self._asks_solved,
            why=draft.why,
            faults=faults,
        )

    def _template(self, slot: Slot) -> str:
        if slot.parents:
            return "revise.j2"
        return "subgoals.j2" if form_asked(self._form, slot) == "stages" else "first.j2"

    def _ask(self, key: CallKey, template: str, prompt: str) -> Draft:
        system = Message(role="system", content=self._prompts.render("system.j2"))
        messages = (system, Message(role="user", content=prompt))
        reply = self._llm.complete(Request(key=key, messages=messages, prompt=self._prompts.stamp(template)))
        return parse_reply(reply.text, reply.finish_reason)


def task_view(task: Task) -> TaskView:
    """Return what a prompt may know of a task."""
    return TaskView(task.text, task.fitness_unit, task.success is not None, task.steps)


def _parents(brief: Brief, slot: Slot) -> list[Entry]:
    return [brief.entry(parent) for parent in slot.parents]
