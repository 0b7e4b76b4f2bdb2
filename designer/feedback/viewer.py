"""The viewer: a model that is shown frames of a parent's film and says what is to be seen. Off by default: few models see well.

What it says is text for the next prompt and never a score.
"""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from designer.errors import ImagesRefusedError
from designer.feedback.judging import Case, Trust
from designer.llm import LLM, CallKey, Message, Request
from designer.llm.answers import read_answer
from designer.prompts import Prompts
from designer.proposers import Brief
from designer.proposers.llm import task_view
from designer.records import Candidate, Remark
from designer.text import one_line

VIEWER = "viewer"
MAX_CHARS = 500


class _Seen(BaseModel):
    model_config = ConfigDict(extra="ignore")

    visible: bool
    seen: str = ""
    suggestion: str = ""


class _Choice(BaseModel):
    model_config = ConfigDict(extra="ignore")

    shows: Literal["first", "second"]


class Viewer:
    """Looks at films as frames: data URIs in order of time."""

    def __init__(self, llm: LLM, prompts_folder: Path, on_off: Callable[[str], None]) -> None:
        """`on_off(reason)` is told why it is switched off: a failed probe, a model that takes no images, no film."""
        self._llm = llm
        self._prompts = Prompts(prompts_folder)
        self._trust = Trust(on_off)

    def look(self, brief: Brief, candidate: Candidate, frames: Sequence[str]) -> tuple[Remark, ...]:
        """Say what a film shows; nothing where the viewer can't be trusted or saw nothing. Raises ModelError."""
        try:
            if not self._trust.earned(self._cases(brief, frames)):
                return ()
            key = CallKey(round=candidate.round, role="viewer", sample=candidate.sample, attempt=0)
            found = read_answer(self._said(key, "viewer.j2", self.prompt(brief, len(frames)), frames), _Seen)
        except ImagesRefusedError as refused:
            self.switch_off(str(refused))
            return ()
        if found is None or not found.visible or not found.seen.strip():
            return ()
        return (Remark(candidate=candidate.id, source=VIEWER, kind="text", text=_told(found, len(frames))),)

    def switch_off(self, reason: str) -> None:
        """Look at nothing more in this run."""
        self._trust.lose(reason)

    def prompt(self, brief: Brief, frames: int) -> str:
        """Render the question what a film of so many frames shows."""
        return self._prompts.render("viewer.j2", task=task_view(brief.task), table=brief.table, world_source="", frames=frames)

    def choice_prompt(self, frames: int) -> str:
        """Render the question which of two films of so many frames each shows anything: an order-swap probe."""
        return self._prompts.render("viewer_choice.j2", frames=frames)

    def _said(self, key: CallKey, template: str, prompt: str, frames: Sequence[str]) -> str:
        system = Message(role="system", content=self._prompts.render("viewer_system.j2"))
        asked = Message(role="user", content=prompt, images=tuple(frames))
        return self._llm.complete(Request(key=key, messages=(system, asked), prompt=self._prompts.stamp(template))).text

    # Probes ---------------------------------------------------------------------------------------------------------

    def _cases(self, brief: Brief, frames: Sequence[str]) -> list[Case]:
        """A black film, no film at all, and the film beside a black one in both orders."""
        black = [black_frame()] * len(frames)
        return [
            Case("black frames", lambda: self._sees_nothing(brief, black, 0)),
            Case("no frames", lambda: self._sees_nothing(brief, [], 1)),
            Case("order swap", lambda: self._is_steady(frames, black)),
        ]

    def _sees_nothing(self, brief: Brief, frames: Sequence[str], sample: int) -> bool:
        key = CallKey(round=0, role="viewer-probe", sample=sample, attempt=0)
        found = read_answer(self._said(key, "viewer.j2", self.prompt(brief, len(frames)), frames), _Seen)
        return found is not None and not found.visible

    def _is_steady(self, frames: Sequence[str], black: Sequence[str]) -> bool:
        """Ask which film shows anything, with the film first and with it second."""
        for sample, (films, right) in enumerate((([*frames, *black], "first"), ([*black, *frames], "second")), start=2):
            key = CallKey(round=0, role="viewer-probe", sample=sample, attempt=0)
            choice = read_answer(self._said(key, "viewer_choice.j2", self.choice_prompt(len(frames)), films), _Choice)
            if choice is None or choice.shows != right:
                return False
        return True


def black_frame(width: int = 64, height: int = 48) -> str:
    """Return a black picture as a data URI: grey PNG, eight bits, all zeros."""
    rows = zlib.compress((b"\0" + bytes(width)) * height)
    parts = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", rows), (b"IEND", b""))
    chunks = (struct.pack(">I", len(d)) + name + d + struct.pack(">I", zlib.crc32(name + d)) for name, d in parts)
    return "data:image/png;base64," + b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(chunks)).decode("ascii")


def _told(found: _Seen, frames: int) -> str:
    advice = f" It suggests: {one_line(found.suggestion, MAX_CHARS)}" if found.suggestion.strip() else ""
    return f"seen in {frames} frames of a film of it: {one_line(found.seen, MAX_CHARS)}{advice}"
