"""The clips that a run has: where a candidate's lies."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from designer.filming import FINAL_CLIP, SEARCH_CLIP
from designer.runs import CLIP


class Film(NamedTuple):
    """A clip. path: relative to the run's folder. purpose: which training's policy it shows."""

    path: str
    purpose: str


def film_of(folder: Path, name: str) -> Film | None:
    """Return a candidate's or baseline's clip, of its search policy where there is one."""
    for place, purpose in ((SEARCH_CLIP, "search"), (FINAL_CLIP, "final")):
        path = f"candidates/{name}/{place}/{CLIP}"
        if (folder / path).is_file():
            return Film(path, purpose)
    return None
