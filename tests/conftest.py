"""What all tests have in common: baselines are kept in a folder of each test's own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_baselines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's Python has no `designer`, so the variable is named here."""
    monkeypatch.setenv("DESIGNER_BASELINES", str(tmp_path / "baselines"))
