"""Memory on huge pages holds what it held, and what can't be collapsed is left alone."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np

from sandbox import huge_pages
from sandbox.huge_pages import SIZE


def test_memory_holds_what_it_held() -> None:
    with mmap.mmap(-1, 4 * SIZE) as memory:
        kept = np.frombuffer(memory, dtype=np.uint8)
        kept[:] = np.arange(kept.size) % 251
        huge_pages.collapse()
        assert (kept == np.arange(kept.size) % 251).all()
        del kept


def test_areas_that_no_huge_page_fits_into_are_left_alone(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.write_text(
        "7f0000001000-7f0000003000 rw-p 00000000 00:00 0 \n"  # too small
        "7f0000400000-7f0000800000 r--p 00000000 00:00 0 \n"  # not written to
        "7f0000400000-7f0000800000 rw-p 00000000 08:01 77                         /usr/lib/a library.so\n"
    )
    assert huge_pages.collapse(maps) == 0


def test_a_kernel_that_refuses_is_no_failure(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.write_text(f"{SIZE:x}-{3 * SIZE:x} rw-p 00000000 00:00 0 \n")  # nothing is mapped there
    assert huge_pages.collapse(maps) == 0
