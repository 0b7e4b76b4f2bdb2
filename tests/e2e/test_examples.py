"""Every notebook in examples/ runs to its end, cell by cell, in a folder of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.command import ROOT, environment

NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
PASSED = "cell passed:"


def cells_of(notebook: Path) -> list[dict]:
    read = json.loads(notebook.read_text(encoding="utf-8"))
    assert (read["nbformat"], read["nbformat_minor"]) == (4, 5)
    return read["cells"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_of_a_notebook_runs(notebook, tmp_path):
    code = [cell for cell in cells_of(notebook) if cell["cell_type"] == "code"]
    lines = "\n\n".join(f"{''.join(cell['source'])}\nprint({PASSED!r}, {cell['id']!r}, flush=True)" for cell in code)
    script = tmp_path / "cells.py"
    script.write_text(lines, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=900, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    passed = [line.removeprefix(PASSED).strip() for line in ended.stdout.splitlines() if line.startswith(PASSED)]
    assert passed == [cell["id"] for cell in code]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(notebook):
    cells = cells_of(notebook)
    assert len({cell["id"] for cell in cells}) == len(cells)
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells if cell["cell_type"] == "code")


def test_there_is_a_notebook():
    assert NOTEBOOKS
