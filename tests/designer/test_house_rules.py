"""What the code promises of its own shape: short functions, short files, a first line that says why a file exists."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("designer", "envs", "sandbox", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
LONGEST_FUNCTION, LONGEST_FILE = 60, 400
EMPTY_NAMES = ("utils", "util", "helpers", "helper", "manager", "core", "base", "misc", "common")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_is_short_named_for_something_and_says_what_for(path: Path):
    source = path.read_text()
    tree = ast.parse(source)
    assert path.stem not in EMPTY_NAMES
    assert source.count("\n") <= LONGEST_FILE
    assert ast.get_docstring(tree), "the first line says why the file exists"
    long = {
        node.name: length
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    }
    assert not long


def test_no_merge_is_left_half_done():
    """A linter doesn't see a marker in a docstring or in a page."""
    texts = [*SOURCES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")]
    texts += [*(ROOT / "prompts").glob("*.j2"), *(ROOT / "designer").rglob("*.j2")]
    begun = [str(path.relative_to(ROOT)) for path in texts for line in path.read_text().splitlines() if is_marker(line)]
    assert not begun


def is_marker(line: str) -> bool:
    return line.strip().startswith(("<" * 7 + " ", ">" * 7 + " "))


def test_a_marker_is_seen_wherever_it_stands():
    assert is_marker("    " + "<" * 7 + " HEAD")
    assert not is_marker("x = 1 << 7")


def test_the_loop_fits_on_one_screen():
    assert (ROOT / "designer" / "loop.py").read_text().count("\n") <= 120


def test_readme_is_short():
    assert (ROOT / "README.md").read_text().count("\n") < 180
