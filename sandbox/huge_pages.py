"""Put this process's memory on huge pages: a fork copies one entry for each two megabytes then, not 512.

Forking a process with torch and a world in it is mostly the copying of page tables, and of these there are few then. A child
that writes gets small pages of its own as before.
"""

from __future__ import annotations

from pathlib import Path

from sandbox import kernel

MADV_COLLAPSE = 25
SIZE = 1 << 21


def collapse(maps: Path = Path("/proc/self/maps")) -> int:
    """Collapse private anonymous memory into huge pages where the kernel can (Linux 6.1). Returns how many areas took it."""
    taken = 0
    for line in maps.read_text().splitlines():
        area, rights, _, _, _, *name = line.split()
        if not rights.startswith("rw") or name not in ([], ["[heap]"]):
            continue
        start, end = (int(bound, 16) for bound in area.split("-"))
        start, end = -(-start // SIZE) * SIZE, end // SIZE * SIZE
        if start < end:
            taken += _collapsed(start, end - start)
    return taken


def _collapsed(start: int, length: int) -> bool:
    """Ask for an area. The kernel does what it can of it and complains of the rest."""
    try:
        kernel.call("madvise", start, length, MADV_COLLAPSE)
    except OSError:
        return False
    return True
