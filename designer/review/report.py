"""The report: one HTML file that opens from the disk, loads nothing, runs nothing, and trusts no text in it."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from designer.archive import BASELINES, HUMAN
from designer.files import write_atomically
from designer.filming import HUMAN_CLIP, SEARCH_CLIP, alarmed
from designer.review.page import Page, page_of
from designer.runs import CLIP, REPORT, Run
from designer.text import one_line

TEMPLATES = Path(__file__).resolve().parent / "templates"
MAX_CLIP_BYTES = 16 * 1024**2


class Clip(NamedTuple):
    """A film of one episode, as a data: address. alarmed: the candidate whose alarm it shows, or ""."""

    caption: str
    address: str
    alarmed: str = ""


def write_report(run: Run) -> Path:
    """Write the run's report.html, whole or not at all. Returns its path. Raises DiskError, RunBrokenError."""
    path = run.folder / REPORT
    page = page_of(run)
    clips = clips_of(run, page)
    write_atomically(path, render(page, clips, "" if clips else why_no_clip(run, page)))
    return path


def render(page: Page, clips: list[Clip], no_clip: str) -> str:
    """Return the report as HTML. Its only style sheet is named by hash in its own policy."""
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    template = environment.get_template("report.html.j2")
    return template.render(page=page, clips=clips, no_clip=no_clip, style=Markup(style), style_hash=hashed)


def clips_of(run: Run, page: Page) -> list[Clip]:
    """Read the clips that there are; one that is empty or too large for a single file is left out."""
    winner = page.reward.id if page.reward else "the winner"
    named = [(run.folder / CLIP, winner, ""), (run.folder / HUMAN_CLIP, BASELINES[HUMAN], "")]
    rang = alarmed(run.archive()) if page.reward else []
    named += [(run.folder / "candidates" / name / SEARCH_CLIP / CLIP, f"{name}, searching", name) for name in rang]
    return [
        Clip(caption, "data:video/mp4;base64," + base64.b64encode(file.read_bytes()).decode(), name)
        for file, caption, name in named
        if 0 < _size(file) <= MAX_CLIP_BYTES
    ]


def why_no_clip(run: Run, page: Page) -> str:
    """Say in one sentence why there is no film."""
    if not run.config.clips:
        return "There are no clips: they were turned off (clips = false)."
    if page.reward is None:
        return "There are no clips: there is no winner to film."
    if _size(run.folder / CLIP) > MAX_CLIP_BYTES:
        return one_line(f"The clip is too large for this file; it is {CLIP} in the run's folder.")
    return "There are no clips: none could be drawn on this machine, or none has been yet."


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
