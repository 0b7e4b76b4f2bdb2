"""The host imports no simulator, the worker no language model: read off every file, and tried in both Pythons."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from designer.environments import environment_python

ROOT = Path(__file__).resolve().parents[2]

WORKER_ONLY = {"envs", "sandbox", "torch", "mujoco", "gymnasium", "numpy"}
HOST_ONLY = {
    *("designer", "pydantic", "jinja2", "openai", "litellm", "anthropic", "rich", "markdown_it"),
    *("starlette", "uvicorn", "fastapi", "flask", "httpx", "httpx2", "requests", "docker"),
}
FORBIDDEN = {"designer": WORKER_ONLY, "envs": HOST_ONLY | {"sandbox"}, "sandbox": HOST_ONLY}


def imported_names(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and top-level name of every absolute import, wherever in the file it stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.split(".")[0]


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", FORBIDDEN)
def test_no_file_imports_across_the_wall(package: str) -> None:
    files = modules(package)
    assert files
    crossings = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in files
        for line, name in imported_names(path.read_text())
        if name in FORBIDDEN[package]
    ]
    assert crossings == []


def test_an_import_inside_a_function_is_seen() -> None:
    source = "def f():\n    from numpy.linalg import norm\n    import os, torch.nn as nn\n"
    assert list(imported_names(source)) == [(2, "numpy"), (3, "os"), (3, "torch")]


def test_importing_the_whole_host_loads_nothing_of_the_worker() -> None:
    dotted = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in modules("designer")]
    names = [name.removesuffix(".__init__") for name in dotted if not name.endswith("__main__")]
    script = (
        "import importlib, json, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    outcome = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert outcome.returncode == 0, outcome.stderr
    assert WORKER_ONLY & set(json.loads(outcome.stdout)) == set()


# jinja2 isn't among them: torch itself depends on it.
@pytest.mark.parametrize("name", ["openai", "pydantic", "litellm", "rich", "starlette"])
def test_worker_environment_lacks_what_the_host_needs(name: str) -> None:
    command = [environment_python("native"), "-I", "-c", f"import {name}"]
    outcome = subprocess.run(command, capture_output=True, text=True)
    assert outcome.returncode == 1
    assert f"No module named '{name}'" in outcome.stderr


def test_worker_environment_has_what_the_worker_needs() -> None:
    found = "from importlib.util import find_spec as f; print([n for n in {names} if not f(n)])"
    names = ["torch", "mujoco", "gymnasium", "numpy", "safetensors", "av"]
    command = [environment_python("native"), "-I", "-c", found.format(names=names)]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "[]\n"
