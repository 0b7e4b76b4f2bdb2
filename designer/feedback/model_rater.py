"""A language model as the rater (`feedback.rater = "model"`): which of two policies is better, by an episode of each.

Every pair is asked in both orders; an answer that turns with the order is none. Before it is believed at all, it is probed with
pairs whose answer is known. It is told no score and no reward.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from designer.errors import ImagesRefusedError
from designer.executors.results import Episode
from designer.feedback.analyst import made_episode, moving_quantity, telling
from designer.feedback.judging import MASTER_KEYS, Case, Trust
from designer.llm import LLM, CallKey, Message, Request
from designer.llm.answers import read_answer
from designer.prompts import Prompts
from designer.proposers.llm import TaskView, task_view
from designer.records import StateTable, Task

RATER = "rater"
Better = Literal["first", "second", "same", "unsure"]
TURNED: dict[Better, Better] = {"first": "second", "second": "first", "same": "same", "unsure": "unsure"}
PLACES: dict[Better, tuple[int, ...]] = {"first": (0, 1), "second": (1, 0), "same": (0, 0), "unsure": ()}
TELLS_NONE: tuple[Better, ...] = ("same", "unsure")
NOTHING = Episode(fitness=0.0, steps=0, edges=(0,), stages={}, events=())


class Shown(NamedTuple):
    """What is shown of a policy: an episode, and frames of its film as data URIs, in order of time."""

    episode: Episode
    frames: tuple[str, ...] = ()


class _Choice(BaseModel):
    model_config = ConfigDict(extra="ignore")

    better: Better


class ModelRater:
    """Compares policies for a task."""

    def __init__(self, llm: LLM, prompts_folder: Path, on_off: Callable[[str], None]) -> None:
        """`on_off(reason)` is told when the rater fails a probe and is switched off."""
        self._llm = llm
        self._prompts = Prompts(prompts_folder)
        self._trust = Trust(on_off)
        self._sees = True

    def trusted(self, table: StateTable) -> bool:
        """Probe the rater at the first call. Raises ModelError."""
        return self._trust.earned(self._cases(table))

    def compare(self, task: Task, table: StateTable, one: Shown, other: Shown, round_: int, sample: int) -> tuple[int, ...]:
        """Return the places of both, best is 0: equal where they are the same, () where it can't tell. Raises ModelError."""
        said = self._both_ways(task_view(task), table, one, other, CallKey(round=round_, role=RATER, sample=sample, attempt=0))
        return PLACES[said]

    def prompt(self, task: TaskView, table: StateTable, one: Shown, other: Shown) -> str:
        """Render the question."""
        return self._prompts.render(
            "rater.j2",
            task=task,
            table=table,
            world_source="",
            first=one.episode,
            second=other.episode,
            rows=telling(one.episode, other.episode, table),
            frames=min(len(one.frames), len(other.frames)),
        )

    def _both_ways(self, task: TaskView, table: StateTable, one: Shown, other: Shown, key: CallKey) -> Better:
        """Ask with `one` first and with `other` first; "unsure" where the two answers contradict each other."""
        straight = self._asked(task, table, one, other, key)
        swapped = self._asked(task, table, other, one, key.model_copy(update={"attempt": key.attempt + 1}))
        return straight if straight == TURNED[swapped] else "unsure"

    def _asked(self, task: TaskView, table: StateTable, one: Shown, other: Shown, key: CallKey) -> Better:
        frames = min(len(one.frames), len(other.frames)) if self._sees else 0
        one, other = one._replace(frames=one.frames[:frames]), other._replace(frames=other.frames[:frames])
        system = Message(role="system", content=self._prompts.render("rater_system.j2"))
        asked = Message(role="user", content=self.prompt(task, table, one, other), images=(*one.frames, *other.frames))
        request = Request(key=key, messages=(system, asked), prompt=self._prompts.stamp("rater.j2"))
        try:
            found = read_answer(self._llm.complete(request).text, _Choice)
        except ImagesRefusedError:
            self._sees = False  # the numbers are left
            return self._asked(task, table, one, other, key)
        return found.better if found else "unsure"

    # Probes ---------------------------------------------------------------------------------------------------------

    def _cases(self, table: StateTable) -> list[Case]:
        """An episode beside itself, praise without content beside nothing, and a known answer for an aim and its opposite."""
        label = moving_quantity(table)
        rises, falls = (Shown(made_episode(table, label, sign)) for sign in (1, -1))
        keys = tuple({"step": 0, "text": text} for text in MASTER_KEYS)
        praised = Shown(Episode.model_validate({**NOTHING.model_dump(), "events": keys}))
        return [
            Case("one episode twice", lambda: self._probed("rise", label, table, (rises, rises), 0) in TELLS_NONE),
            Case("master-key strings", lambda: self._probed("rise", label, table, (praised, Shown(NOTHING)), 1) in TELLS_NONE),
            Case("a known answer", lambda: self._probed("rise", label, table, (rises, falls), 2) == "first"),
            Case("the opposite aim", lambda: self._probed("fall", label, table, (rises, falls), 3) == "second"),
        ]

    def _probed(self, way: str, label: str, table: StateTable, both: tuple[Shown, Shown], sample: int) -> Better:
        task = TaskView(f"Make {label} {way} as far as it goes.", "", False, 0)
        return self._both_ways(task, table, *both, CallKey(round=0, role="rater-probe", sample=sample, attempt=0))
