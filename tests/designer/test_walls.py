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

from tests import ordinary_user
from tests.designer import attempts
from tests.designer.boxes import ROOT

NAMES = [node.name for node in ast.parse(Path(attempts.__file__).read_text()).body if isinstance(node, ast.FunctionDef)]
TRIES = [name for name in NAMES if name.startswith("try_")]
HONEST = [name for name in NAMES if name.startswith("work_")]
ORDINARY = pytest.param("ordinary", marks=pytest.mark.skipif(os.getuid() != 0, reason="the tests run as one already"))


def unshare_works() -> bool:
    """Say whether this machine lets this user make namespaces."""
    return shutil.which("unshare") is not None and not subprocess.run(["unshare", "-Urnpm", "true"], check=False).returncode


WITH = pytest.param("namespaces", marks=pytest.mark.skipif(not unshare_works(), reason="this machine forbids namespaces"))


@pytest.fixture(scope="module", params=[WITH, "none"])
def mode(request) -> str:
    return request.param


@pytest.fixture(scope="module", params=["this user", ORDINARY])
def tried(request, mode):
    """What came out of a box full of attempts."""
    folder = tempfile.mkdtemp(prefix="designer-walls-", dir="/tmp")
    become = [sys.executable, "-m", "tests.ordinary_user"] if request.param == "ordinary" else []
    if become:
        ordinary_user.own([folder])
    command = [*become, sys.executable, "-m", "tests.designer.walls_host", folder, mode]
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


def test_walls_are_named(tried, mode):
    names, _, gaps = tried["walls"].partition(":")
    assert tried["walls"] == tried["promised"]
    assert names.split(" + ")[-2:] == ["landlock", "seccomp"]
    assert names.startswith("namespaces") == (mode == "namespaces")
    assert ("total disk use is not bounded" in gaps) == (mode == "none")
