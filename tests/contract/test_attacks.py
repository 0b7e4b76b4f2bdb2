"""A sample of the attack snippets against the embedded sandbox, as this machine makes it; the judge against faked escapes.

All snippets, in every kind of sandbox: `python -m benchmarks.attack_table`, a stage of CI that fails if one reaches its goal.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import pytest

from designer.check import check
from designer.environments import environment_python
from designer.executors import Executor, Job, JobResult, Progress
from designer.executors.embedded import Embedded
from designer.executors.folder import prepare_folder
from designer.records import Status
from tests.attacks import ATTACKS, CONTROLS, Attack
from tests.attacks.attack import Category
from tests.attacks.table import isolation_fault, run_attacks, run_controls
from tests.designer.cheetah_table import cheetah_table

CATEGORIES = set(get_args(Category))


def embedded(code: Path) -> Executor:
    return Embedded(environment_python("native"), code)


# The snippets --------------------------------------------------------------------------------------------------------


def test_names_are_unique_and_every_category_is_there() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    assert {attack.category for attack in ATTACKS} == CATEGORIES


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_snippet_is_python(attack: Attack) -> None:
    compile(attack.source({"folder": "/x"}), "reward.py", "exec")


@pytest.mark.parametrize("attack", [a for a in ATTACKS if not a.through], ids=lambda attack: attack.name)
def test_static_check_refuses_what_is_no_reward(attack: Attack) -> None:
    """Written into a plain reward, without the header. What only its values show (`through`) is the harness's business."""
    faults = check(attack.bare(), cheetah_table())
    assert faults
    assert all(fault.line > 0 for fault in faults)


# The boxes -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def proved() -> None:
    """No snippet runs before a canary has shown that boxes hold here."""
    fault = isolation_fault(embedded)
    assert not fault, fault


ONE_IN = 6
SAMPLE = [attack for attack in ATTACKS if attack.through] + [
    attack
    for category in sorted(CATEGORIES)
    for attack in [a for a in ATTACKS if a.category == category and not a.through][::ONE_IN]
]


@pytest.mark.usefixtures("proved")
def test_attacks_of_every_category_are_contained() -> None:
    reached = [f"{row.category}/{row.name}: {row.what}" for row in run_attacks(embedded, SAMPLE) if not row.contained]
    assert reached == []
    assert {attack.category for attack in SAMPLE} == CATEGORIES


@pytest.mark.usefixtures("proved")
def test_honest_code_is_let_through() -> None:
    stopped = [f"{row.name}: {row.what}" for row in run_controls(embedded, CONTROLS) if not row.contained]
    assert stopped == []


# The judge -----------------------------------------------------------------------------------------------------------


class Leaking:
    """An executor whose boxes do not hold: what it does stands for an escape."""

    name = "leaking"

    def __init__(self, escape: str) -> None:
        self._escape = escape

    def run(self, job: Job, folder: Path, progress: Progress) -> JobResult:
        prepare_folder(job, folder)
        source = job.files["reward.py"]
        assert isinstance(source, bytes)
        line = next(line for line in source.decode().splitlines() if line.startswith("CANARY = "))
        text = self._reach(ast.literal_eval(line.removeprefix("CANARY = ")), folder)
        return JobResult(Status.OK, text, {}, 0.0, 0.0, "none")

    def _reach(self, canary: dict[str, str], folder: Path) -> str:
        around = Path(canary["folder"])
        match self._escape:
            case "secret":
                return Path(canary["secret"]).read_text()
            case "write":
                (around / "written").touch()
            case "shared":
                Path(canary["shared"][0]).touch()
            case "claim":
                return "\nPWNED by its own word\n"
            case "escape":
                return "\x1b[2J"
            case "link":
                (folder / "result.json").symlink_to(canary["secret"])
            case "broken":
                return "line 3: NameError: name 'x' is not defined"
        return ""

    def stop(self) -> None:
        """Nothing runs."""


HARMLESS = Attack("harmless", "file", "nothing", "pass")


@pytest.mark.parametrize(
    ("escape", "seen"),
    [
        ("secret", "the secret came out"),
        ("write", "changed written"),
        ("shared", "wrote /tmp/left-by-"),
        ("claim", "PWNED by its own word"),
        ("escape", "control characters came out"),
        ("link", "was left in the job's folder"),
        ("broken", "the snippet is broken"),
    ],
)
def test_judge_sees_an_escape(escape: str, seen: str) -> None:
    (row,) = run_attacks(lambda code: Leaking(escape), [HARMLESS])
    assert not row.contained
    assert seen in row.what


def test_judge_is_content_where_nothing_happened() -> None:
    (row,) = run_attacks(lambda code: Leaking("none"), [HARMLESS])
    assert row.contained


def test_nothing_runs_where_boxes_leak() -> None:
    assert isolation_fault(lambda code: Leaking("secret")).startswith("The canary got out of its box: the secret came out")
