"""What all tests have in common: baselines, locks of slots and the library are in folders of each test's own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_baselines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's Python has no `designer`, so the variable is named here."""
    monkeypatch.setenv("DESIGNER_BASELINES", str(tmp_path / "baselines"))


@pytest.fixture(autouse=True)
def own_slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test waits for no other process on this machine."""
    monkeypatch.setenv("DESIGNER_SLOTS", str(tmp_path / "slots"))


@pytest.fixture(autouse=True)
def own_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test learns from what this machine's user did."""
    monkeypatch.setenv("DESIGNER_LIBRARY", str(tmp_path / "library"))
