"""Splits a worker environment's lock in two: what every machine needs, and what torch's CUDA build needs besides.

Usage: split_lock.py WHOLE COMMON CUDA. Called by lock.sh.
"""

from __future__ import annotations

import sys
from pathlib import Path

CUDA_PREFIXES = ("nvidia-", "cuda-", "triton==")


def blocks(lock: str) -> list[list[str]]:
    """Return the lock's requirements, each as its lines: the pinned name, then one hash a line."""
    found: list[list[str]] = []
    for line in lock.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if not line.startswith(" "):
            found.append([])
        found[-1].append(line.rstrip(" \\"))
    return found


def main() -> None:
    """Write the two halves; no second one where there is nothing of CUDA."""
    whole, common, cuda = map(Path, sys.argv[1:])
    halves: dict[Path, list[str]] = {common: [], cuda: []}
    for block in blocks(whole.read_text()):
        half = cuda if block[0].startswith(CUDA_PREFIXES) else common
        halves[half].append(" \\\n".join(block))
    for path, requirements in halves.items():
        if requirements:
            path.write_text("# Made by scripts/lock.sh: don't edit.\n" + "\n".join(requirements) + "\n")


if __name__ == "__main__":
    main()
