"""The walls of an embedded box, each proven by trying: as root and as an ordinary user, with namespaces and without."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from designer.errors import SandboxError
from designer.executors.embedded import Embedded
from tests import ordinary_user
from tests.designer import attempts
from tests.designer.boxes import ROOT, worker_code

NAMES = [node.name for node in ast.parse(Path(attempts.__file__).read_text()).body if isinstance(node, ast.FunctionDef)]
NO_SECCOMP = """class SealError(Exception):
    pass


def apply():
    raise SealError("the kernel takes no seccomp filter")
"""
TRIES = [name for name in NAMES if name.startswith("try_")]
HONEST = [name for name in NAMES if name.startswith("work_")]


def unshare_works() -> bool:
    """Say whether this machine lets this user make namespaces."""
    return shutil.which("unshare") is not None and not subprocess.run(["unshare", "-Urnpm", "true"], check=False).returncode


NO_NAMESPACES = pytest.mark.skipif(not unshare_works(), reason="this machine forbids namespaces")
AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="the tests don't run as root")
NO_BWRAP = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bwrap is not installed: scripts/system.sh --tests")
CASES = [
    pytest.param(("this user", "namespaces"), marks=NO_NAMESPACES, id="namespaces"),
    pytest.param(("this user", "landlock"), id="landlock"),
    pytest.param(("ordinary", "namespaces"), marks=[NO_NAMESPACES, AS_ROOT], id="ordinary-namespaces"),
    pytest.param(("ordinary", "bwrap"), marks=[NO_NAMESPACES, NO_BWRAP], id="ordinary-bwrap"),
    pytest.param(("ordinary", "landlock"), marks=AS_ROOT, id="ordinary-landlock"),
]


@pytest.fixture(scope="module", params=CASES)
def case(request) -> tuple[str, str]:
    """Who starts the box, and what it is made of."""
    return request.param


@pytest.fixture(scope="module")
def tried(case):
    """What came out of a box full of attempts."""
    who, kind = case
    folder = tempfile.mkdtemp(prefix="designer-walls-", dir="/tmp")
    become = [sys.executable, "-m", "tests.ordinary_user"] if who == "ordinary" else []
    if become:
        ordinary_user.own([folder])
    command = [*become, sys.executable, "-m", "tests.designer.walls_host", folder, kind]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ended = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False, timeout=120)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", TRIES)
def test_attempt_is_stopped(tried, name):
    assert (tried["status"], tried["error"]) == ("ok", "")
    assert not tried["tried"][name].startswith("done")


@pytest.mark.parametrize("name", HONEST)
def test_honest_work_goes_on(tried, name):
    assert tried["tried"][name].startswith("done")


def test_nothing_was_left_on_the_machine(tried):
    assert tried["status"] == "ok"
    assert not any(Path(place, "written-by-a-box").exists() for place in ("/tmp", "/dev/shm"))


def test_walls_are_named(tried, case):
    who, kind = case
    names, _, gaps = tried["walls"].partition(": ")
    first = {"namespaces": ["namespaces"], "bwrap": ["namespaces (bwrap)"], "landlock": []}[kind]
    assert tried["walls"] == tried["promised"]
    assert names.split(" + ") == [*first, "landlock", "seccomp"]
    assert ("total disk use is not bounded" in gaps) == (kind == "landlock")
    assert ("the number of files" in gaps) == (kind == "bwrap")
    assert tried["uid"] == (ordinary_user.UID if who == "ordinary" and os.getuid() == 0 else os.getuid())


def test_machine_without_these_walls_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxError, match="darwin has none of them"):
        Embedded(Path(sys.executable), tmp_path).walls()


def test_kind_of_box_that_can_not_be_made_is_refused_with_the_reason(tmp_path):
    code = worker_code(tmp_path / "code", "")
    (code / "sandbox" / "seal.py").write_text(NO_SECCOMP)
    with pytest.raises(SandboxError, match="the worker can't be sealed: the kernel takes no seccomp filter"):
        Embedded(Path(sys.executable), code).walls()


def test_wall_that_does_not_hold_is_found_out_and_nothing_is_run(tmp_path):
    code = worker_code(tmp_path / "code", "")
    landlock = code / "sandbox" / "landlock.py"
    landlock.write_text(landlock.read_text().replace('    kernel.call("landlock_restrict_self", ruleset, 0)\n', ""))
    with pytest.raises(SandboxError, match="Landlock stands, but / can be opened"):
        Embedded(Path(sys.executable), code).walls()
