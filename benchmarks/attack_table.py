"""Run every attack snippet in every kind of sandbox, and print what each one reached.

    .venv/bin/python -m benchmarks.attack_table root user no-namespaces docker [--only CATEGORY-OR-NAME ...]

root, user             the embedded sandbox as root, and as a user who owns nothing (made by root: needs to be started as root)
no-namespaces          the embedded sandbox as it is where the kernel forbids namespaces
docker                 the docker sandbox, where an engine answers

A canary goes first, in every column: on the plain machine it must reach what lies around a box, and in a box it must not. Where
either is wrong nothing is run, and the script ends with 2. It ends with 1 if any attack reaches its goal or any honest control
is stopped. A goal that the sandbox itself declares open is shown as such.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from designer import __version__
from designer.check import check
from designer.config import Config
from designer.environments import environment_python
from designer.executors.embedded import Embedded
from designer.runs import stage_worker_code
from tests.attacks import ATTACKS, CONTROLS
from tests.attacks.table import MakeExecutor, Row, isolation_fault, run_attacks, run_controls
from tests.designer.cheetah_table import cheetah_table

COLUMNS = ("root", "user", "no-namespaces", "docker")
ONE = "--one"
CONTAINED, OPEN, REACHED = "contained", "open, as declared", "**REACHED**"


def main(arguments: list[str]) -> int:
    """Print the table of the named columns. Returns the exit status."""
    columns, only = _parsed(arguments)
    rows: dict[str, list[Row]] = {}
    walls: dict[str, str] = {}
    for column in columns:
        started = time.monotonic()
        told = _run_column(column, only)
        if "refused" in told:
            print(f"{column}: nothing was run. {told['refused']}", file=sys.stderr)
            return 2
        rows[column], walls[column] = [Row(*row) for row in told["rows"]], told["walls"]
        print(f"{column}: {len(rows[column])} snippets in {time.monotonic() - started:.0f} s", file=sys.stderr)
    print_machine()
    for column in columns:
        print(f"- **{column}**: {walls[column]}")
    print_summary(rows)
    print_check()
    print_rows(rows)
    return 0 if all(row.contained for found in rows.values() for row in found) else 1


def _parsed(arguments: list[str]) -> tuple[list[str], list[str]]:
    split = arguments.index("--only") if "--only" in arguments else len(arguments)
    columns, only = arguments[:split], arguments[split + 1 :]
    unknown = [column for column in columns if column not in COLUMNS]
    if unknown or not columns:
        raise SystemExit(f"name columns among {', '.join(COLUMNS)}; not {unknown}")
    return columns, only


def _run_column(column: str, only: list[str]) -> dict[str, object]:
    """Run a column in a process of its own: another user, or other settings."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        os.chmod(file.name, 0o666)
        command = [sys.executable, "-m", "benchmarks.attack_table", ONE, column, file.name, *only]
        if column == "user":
            command = [sys.executable, "-m", "tests.ordinary_user", *command]
        ended = subprocess.run(command, check=False)
        if ended.returncode:
            return {"refused": f"its process ended with {ended.returncode}."}
        told: dict[str, object] = json.loads(Path(file.name).read_bytes())
        return told


def run_one(column: str, file: str, only: list[str]) -> None:
    """Be a column's process: prove the isolation, run everything, write it down."""
    make = maker(column)
    attacks = [attack for attack in ATTACKS if not only or {attack.name, attack.category} & set(only)]
    fault = isolation_fault(make)
    told: dict[str, object] = {"refused": fault}
    if not fault:
        controls = run_controls(make, CONTROLS) if not only or "control" in only else []
        told = {"rows": [*controls, *run_attacks(make, attacks, shown)], "walls": walls_of(make)}
    Path(file).write_text(json.dumps(told))


def maker(column: str) -> MakeExecutor:
    """Return what makes a column's executors."""
    if column == "docker":
        # The provider of the tests: this machine's interpreter, bound read-only into an empty image.
        made: MakeExecutor = importlib.import_module("tests.docker.bound").provider(Config()).executor
        return made
    python = environment_python("native")
    return lambda code: Embedded(python, code, namespaces=column != "no-namespaces")


def walls_of(make: MakeExecutor) -> str:
    """Say what stands around a box of this kind, in the executor's own words."""
    with tempfile.TemporaryDirectory() as scratch:
        stage_worker_code(Path(scratch))
        executor = make(Path(scratch))
        told = getattr(executor, "walls", None)
        return f"{executor.name}: {told()}" if told else executor.name


def print_check() -> None:
    """Print how many snippets the static check refuses, written into a plain reward. It is a lint, not a wall."""
    print("\nThe static check, which is no wall, refuses of the same snippets:", end=" ")
    for category in dict.fromkeys(attack.category for attack in ATTACKS):
        mine = [attack for attack in ATTACKS if attack.category == category]
        refused = sum(bool(check(attack.bare(), cheetah_table())) for attack in mine)
        print(f"{category} {refused} of {len(mine)}", end="; " if category != ATTACKS[-1].category else ".\n")


def shown(row: Row) -> None:
    """Report what reached its goal at once; the table comes at the end."""
    if not row.contained:
        print(f"REACHED {row.category}/{row.name}: {row.what}", file=sys.stderr, flush=True)


# Printing ------------------------------------------------------------------------------------------------------------


def print_machine() -> None:
    print(f"Linux {platform.release()}, {platform.machine()}, {len(os.sched_getaffinity(0))} cores, ", end="")
    print(f"Python {platform.python_version()}, designer {__version__}. {len(ATTACKS)} attacks, {len(CONTROLS)} controls.\n")


def print_summary(rows: dict[str, list[Row]]) -> None:
    """Print how many of each category were contained."""
    print(f"\n| category | {' | '.join(rows)} |\n|---|{'---|' * len(rows)}")
    categories = dict.fromkeys(row.category for found in rows.values() for row in found)
    for category in categories:
        cells = []
        for found in rows.values():
            mine = [row for row in found if row.category == category]
            counts = Counter(verdict(row) for row in mine)
            good = "let through" if category == "control" else CONTAINED
            cells.append(f"{counts[CONTAINED]} of {len(mine)} {good}" + (f", {counts[OPEN]} open" if counts[OPEN] else ""))
        print(f"| {category} | {' | '.join(cells)} |")


def print_rows(rows: dict[str, list[Row]]) -> None:
    """Print every attack, and what became of it in the first column, and in others where that differs."""
    print(f"\n| attack | it tries to | {' | '.join(rows)} | what happened ({next(iter(rows))}) |")
    print(f"|---|---|{'---|' * len(rows)}---|")
    by_name = {column: {row.name: row for row in found} for column, found in rows.items()}
    for row in next(iter(rows.values())):
        cells = [verdict(found[row.name]) if row.name in found else "-" for found in by_name.values()]
        print(f"| {row.category}: {row.name} | {cell(row.tries)} | {' | '.join(cells)} | {cell(row.what)} |")


def verdict(row: Row) -> str:
    return OPEN if row.gap else CONTAINED if row.contained else REACHED


def cell(text: str) -> str:
    """Make a text fit for a table's cell."""
    return " ".join(text.replace("|", "/").replace("`", "'").replace("<", "&lt;").split())[:120]


if __name__ == "__main__":
    if sys.argv[1:2] == [ONE]:
        run_one(sys.argv[2], sys.argv[3], sys.argv[4:])
    else:
        sys.exit(main(sys.argv[1:]))
