"""What all tests have in common: baselines, locks of slots and the library are in folders of the tests' own."""

from __future__ import annotations

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
        yield
