"""No fitness given: a model drafts one, with a success test and scripted checks; a person approves it, or it is stamped.

The draft is model-written code: it runs in `score` boxes of its own only, where no candidate is.
"""

from __future__ import annotations

import ast
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from designer.candidates import blocks_of
from designer.errors import TaskError
from designer.executors import Executor, Job, Limits
from designer.files import write_atomically
from designer.journal import Event, Journal
from designer.llm import LLM, CallKey, Message, Request
from designer.llm.answers import read_answer
from designer.modelling import stored_model
from designer.prompts import Prompts
from designer.proposers.llm import task_view
from designer.records import Function, StateTable, Status, Task
from designer.runs import Run
from designer.syntax import Unreadable, parse
from designer.text import one_line

FILE = "derived_fitness.py"
ATTEMPTS = 3
MIN_CHECKS = 2
MAX_CHECKS = 8
IMPORTS = ("numpy", "math", "__future__")
LIMITS = Limits(cpu_s=60, wall_s=240)


class Check(BaseModel):
    """Two scripted episodes, told by the constant values of some components; the first must score higher."""

    model_config = ConfigDict(extra="ignore")

    name: str = ""
    better: dict[str, float]
    worse: dict[str, float]


class _Checks(BaseModel):
    model_config = ConfigDict(extra="ignore")

    unit: str = ""
    checks: list[Check] = Field(default_factory=list)


class Derived(NamedTuple):
    """A drafted fitness that passed its checks."""

    source: str
    unit: str
    has_success: bool
    checks: tuple[Check, ...]


class Refused(NamedTuple):
    """Why a draft can't be used."""

    reason: str
    source: str = ""


def derive(task: Task, table: StateTable, llm: LLM, prompts_folder: Path, executor: Executor, folder: Path) -> Derived:
    """Have a fitness drafted until one passes its checks. Raises TaskError after ATTEMPTS, and ModelError."""
    refused = Refused("")
    for attempt in range(ATTEMPTS):
        prompt = draft_prompt(task, table, prompts_folder, refused)
        key = CallKey(round=0, role="fitness", sample=0, attempt=attempt)
        system = Message(role="system", content=Prompts(prompts_folder).render("fitness_system.j2"))
        stamp = Prompts(prompts_folder).stamp("fitness.j2")
        reply = llm.complete(Request(key=key, messages=(system, Message(role="user", content=prompt)), prompt=stamp))
        draft = read_draft(reply.text, table)
        if isinstance(draft, Derived):
            draft = run_checks(draft, table, executor, folder / f"fitness-{attempt}")
        if isinstance(draft, Derived):
            return draft
        refused = draft
    raise TaskError(f"the model drafted no usable fitness in {ATTEMPTS} attempts; the last: {refused.reason} Give --fitness.")


def draft_prompt(task: Task, table: StateTable, prompts_folder: Path, refused: Refused) -> str:
    """Render the prompt for a draft; `refused` is what was wrong with the one before."""
    return Prompts(prompts_folder).render(
        "fitness.j2", task=task_view(task), table=table, world_source="", refused=refused, labels=list(labels(table))
    )


def read_draft(text: str, table: StateTable) -> Derived | Refused:
    """Read a reply: one Python block with fitness(t) and maybe success(t), one JSON block with checks."""
    block = next((block for block in reversed(blocks_of(text)) if "def fitness(" in block.text), None)
    if block is None:
        return Refused("the reply holds no block that defines fitness(t).")
    tree = parse(block.text, "exec")
    if isinstance(tree, Unreadable):
        return Refused(f"line {tree.line}: {tree.message}", block.text)
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    if "fitness" not in names:
        return Refused("fitness(t) must stand at the top level.", block.text)
    for node in ast.walk(tree):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if any(module.partition(".")[0] not in IMPORTS for module in modules):
            return Refused(f"line {getattr(node, 'lineno', 0)}: only numpy and math may be imported.", block.text)
    told = read_answer(text, _Checks)
    checks = tuple(told.checks[:MAX_CHECKS]) if told else ()
    if len(checks) < MIN_CHECKS:
        return Refused(f"the reply holds {len(checks)} checks; give at least {MIN_CHECKS} in a json block.", block.text)
    known = set(labels(table))
    unknown = next((name for check in checks for name in (*check.better, *check.worse) if name not in known), None)
    if unknown is not None:
        return Refused(f"a check names {one_line(unknown, 60)}, which is no component of the state.", block.text)
    return Derived(block.text.strip("\n") + "\n", one_line(told.unit, 20) if told else "", "success" in names, checks)


def run_checks(draft: Derived, table: StateTable, executor: Executor, folder: Path) -> Derived | Refused:
    """Score the scripted episodes in a box of its own: each first one must score higher than its second."""
    fitness, success = measures(draft)
    spec = {
        "fitness": fitness.model_dump(mode="json"),
        "success": success.model_dump(mode="json") if success else None,
        "dt_s": table.dt_s,
        "step_limit": table.episode_steps,
        "scripted": [scripted(values, table) for check in draft.checks for values in (check.better, check.worse)],
    }
    result = executor.run(Job("score", spec, {}, LIMITS), folder, lambda _: None)
    if result.status is not Status.OK:
        return Refused(f"it failed on scripted episodes ({result.status}): {one_line(result.error, 400)}", draft.source)
    scores = list(result.content.get("fitness", ()))
    for number, check in enumerate(draft.checks):
        better, worse = scores[2 * number : 2 * number + 2]
        if not better > worse:
            name = one_line(check.name, 100) or f"number {number + 1}"
            return Refused(
                f"check '{name}' fails: the better episode scores {better:.4g}, the worse one {worse:.4g}.", draft.source
            )
    return draft


def scripted(values: Mapping[str, float], table: StateTable) -> dict[str, Any]:
    """Describe an episode of full length whose components stay at given values, all others in the middle of their range."""
    fields = {}
    for field in table.fields:
        middles = [(low + high) / 2 for low, high in zip(field.low, field.high, strict=True)]
        given = [values.get(label) for label in _labels_of(field.name, field.components, len(middles))]
        fields[field.name] = [middle if value is None else value for middle, value in zip(middles, given, strict=True)]
    return {
        "fields": fields,
        "shapes": {field.name: list(field.shape) for field in table.fields},
        "actions": len(table.action.names),
    }


def labels(table: StateTable) -> list[str]:
    """Return the name of every component: `field` or `field[component]`."""
    return [label for field in table.fields for label in _labels_of(field.name, field.components, len(field.low))]


def _labels_of(name: str, components: tuple[str, ...], count: int) -> list[str]:
    return [f"{name}[{component}]" for component in components] if components else [name] * count


def measures(draft: Derived) -> tuple[Function, Function | None]:
    """Return the fitness and the success as measures."""
    fitness = Function(file=FILE, name="fitness", source=draft.source)
    return fitness, Function(file=FILE, name="success", source=draft.source) if draft.has_success else None


def decided(task: Task, draft: Derived, ask: Callable[[str], bool] | None) -> Task:
    """Return the task with its derived fitness: approved by the person whom `ask` reaches, else stamped unverified.

    Raises TaskError where the person says no.
    """
    told = f"{draft.source}\nIt passed {len(draft.checks)} scripted checks: {', '.join(check.name for check in draft.checks)}."
    if ask is not None and not ask(told):
        raise TaskError("the drafted fitness was not approved. Give your own with --fitness, or say the task in other words.")
    fitness, success = measures(draft)
    return task.model_copy(
        update={
            "fitness": fitness,
            "success": success,
            "fitness_unit": draft.unit,
            "fitness_origin": "derived, unverified" if ask is None else "derived, approved",
        }
    )


def settled(run: Run, executor: Executor, say: Callable[[str], None], ask: Callable[[str], bool] | None) -> Run:
    """Return the run with a fitness: its own, or one that its model drafts now. What was drafted once is not bought again.

    `ask` shows a draft to a person and returns their answer; None: nobody is there. Raises TaskError, ModelError.
    """
    if run.task.fitness is not None:
        return run
    journal = Journal(run.journal, time.time)
    journal.mend()
    archive = run.archive()

    def record(event: Event) -> None:
        journal.append(event)
        archive.add(event)

    say("no fitness was given: the model drafts one")
    model = stored_model(run, archive, record, say, threading.Event())
    draft = derive(run.task, run.table, model, run.prompts, executor, run.folder / "task")
    task = decided(run.task, draft, ask)
    write_atomically(run.folder / "task" / "task.json", task.model_dump_json(indent=1))
    say(f"fitness: {task.fitness_origin}\n{draft.source}")
    return run._replace(task=task)
