"""Make a small copy of a finished run that `designer replay` can play: replies, results and journal, no policies and no films.

python -m benchmarks.record_run RUN TARGET
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

KEPT = ("config.toml", "journal.jsonl", "prices.toml", "task/*", "llm/*.json", "candidates/**/ended.json")
EMPTIED = tuple(f"candidates/**/{name}.safetensors" for name in ("train/policy", "train/checkpoint", "analyse/episodes"))
"""Replay asks only whether they are there."""


def record(run: Path, target: Path) -> int:
    """Copy what a replay needs. Returns the number of bytes."""
    for pattern in KEPT:
        for path in sorted(run.glob(pattern)):
            if path.is_file():
                copy = target / path.relative_to(run)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
    for pattern in EMPTIED:
        for path in sorted(run.glob(pattern)):
            copy = target / path.relative_to(run)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(b"")
    return sum(path.stat().st_size for path in target.rglob("*") if path.is_file())


if __name__ == "__main__":
    print(f"{record(Path(sys.argv[1]), Path(sys.argv[2]))} bytes")
