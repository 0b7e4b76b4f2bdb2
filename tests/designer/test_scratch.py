"""Temporary folders go away: with their block, and after a process that was killed at the next start."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from designer.scratch import NEW_S, PREFIX, scratch_folder, sweep
from tests.designer.boxes import ROOT


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch) -> Path:
    """A temporary folder that nobody else uses."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def later() -> float:
    return time.time() + 2 * NEW_S


def test_folder_goes_away_with_its_block(temporary):
    with scratch_folder() as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "file").write_text("x")
        (folder / "inner").chmod(0)
    assert list(temporary.iterdir()) == []


def test_folder_of_a_killed_process_goes_away(temporary):
    code = "import os\nfrom designer.scratch import scratch_folder\nwith scratch_folder() as f: os.kill(os.getpid(), 9)\n"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "TMPDIR": str(temporary)}, check=False)
    ended = time.monotonic()
    while list(temporary.iterdir()):
        assert time.monotonic() - ended < 2
        time.sleep(0.01)


def test_folder_that_nobody_holds_is_swept(temporary):
    (temporary / f"{PREFIX}left" / "scratch").mkdir(parents=True)
    (temporary / f"{PREFIX}left" / "scratch").chmod(0)
    sweep(later())
    assert list(temporary.iterdir()) == []


def test_folder_in_use_a_new_one_and_others_are_left_alone(temporary):
    (temporary / f"{PREFIX}new").mkdir()
    (temporary / "somebody-elses").mkdir()
    (temporary / f"{PREFIX}link").symlink_to(temporary / "somebody-elses")
    with scratch_folder() as folder:
        sweep(time.time())
        assert folder.exists()
        assert (temporary / f"{PREFIX}new").exists()
        sweep(later())
        assert folder.exists()
    assert sorted(path.name for path in temporary.iterdir()) == [f"{PREFIX}link", "somebody-elses"]
