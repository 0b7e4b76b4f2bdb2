"""What a model was asked about a candidate and what it answered, from the files that a run stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from designer.records import Candidate


class Exchange(NamedTuple):
    """One stored call. asked: (role, text) of every message."""

    name: str
    asked: tuple[tuple[str, str], ...]
    model: str
    reply: str


def exchanges_of(folder: Path, candidate: Candidate) -> list[Exchange]:
    """Read every stored exchange of a candidate's slot."""
    start, slot = f"r{candidate.round:02d}-", f"-s{candidate.sample:02d}-"
    paths = [path for path in sorted((folder / "llm").glob(f"{start}*.json")) if slot in path.name]
    return [_read(path) for path in paths]


def _read(path: Path) -> Exchange:
    stored = json.loads(path.read_bytes())
    asked = tuple((str(message["role"]), str(message["content"])) for message in stored["request"]["messages"])
    return Exchange(path.stem, asked, str(stored["reply"]["model"]), str(stored["reply"]["text"]))
