"""What all tests have in common: folders of their own for baselines, slots' locks and the library, and no wait for the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_baselines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's Python has no `designer`, so the variable is named here."""
    monkeypatch.setenv("DESIGNER_BASELINES", str(tmp_path / "baselines"))


@pytest.fixture(autouse=True, scope="session")
def own_slots_and_library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test waits for other processes on this machine, nor learns from what its user did; nor does a module's fixture."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESIGNER_SLOTS", str(tmp_path_factory.mktemp("slots")))
        patch.setenv("DESIGNER_LIBRARY", str(tmp_path_factory.mktemp("library")))
        base = tmp_path_factory.getbasetemp()  # of one of xdist's processes; its parent is all of theirs, and only theirs
        patch.setenv("DESIGNER_TABLES", str((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "tables"))
        yield


@pytest.fixture(autouse=True, scope="session")
def no_wait_for_the_disk() -> Iterator[None]:
    """No test pulls the plug, and a slow disk would take longer than all tests. Those of durability watch the calls."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield
