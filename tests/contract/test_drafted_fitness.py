"""A fitness that a model drafted runs in a real score box: what is right is used, what is wrong is sent back with why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from designer.deriving import Derived, Refused, derive, read_draft, run_checks
from designer.environments import environment_python
from designer.executors.embedded import Embedded
from designer.llm.scripted import Scripted
from designer.records import StateTable, Task
from designer.runs import stage_worker_code
from tests.designer.prompt_material import FOLDER
from tests.designer.test_golden_prompts import table_of, task_of

FITNESS = """import numpy as np


def fitness(t):
    return t.mean(-t.torso_velocity[..., 0])


def success(t):
    return fitness(t) > 1.0
"""
CHECKS = {
    "unit": "m/s",
    "checks": [
        {"name": "backward beats standing", "better": {"torso_velocity[x]": -2.0}, "worse": {"torso_velocity[x]": 0.0}},
        {"name": "standing beats forward", "better": {"torso_velocity[x]": 0.0}, "worse": {"torso_velocity[x]": 2.0}},
    ],
}


def said(code: str = FITNESS) -> str:
    return f"```python\n{code}```\n```json\n{json.dumps(CHECKS)}\n```\n"


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Embedded:
    code = tmp_path_factory.mktemp("worker") / "code"
    stage_worker_code(code)
    return Embedded(environment_python("native"), code)


@pytest.fixture(scope="module")
def table() -> StateTable:
    return table_of("half_cheetah")


def tried(code: str, table: StateTable, boxes: Embedded, folder: Path) -> Derived | Refused:
    draft = read_draft(said(code), table)
    assert isinstance(draft, Derived), draft
    return run_checks(draft, table, boxes, folder / "fitness")


def test_right_draft_passes_its_checks(table: StateTable, boxes: Embedded, tmp_path: Path) -> None:
    draft = tried(FITNESS, table, boxes, tmp_path)
    assert isinstance(draft, Derived)
    assert draft.has_success


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (FITNESS.replace("mean(-", "mean("), "'backward beats standing' fails: the better episode scores -2, the worse one 0"),
        (FITNESS.replace("[..., 0]", "[..., 7]"), "out of bounds"),
        (FITNESS.replace("torso_velocity", "torso_velocitty"), "torso_velocitty"),
        (FITNESS.replace("t.mean(", "np.nan * t.mean("), "nan in 4 of 4"),
        (FITNESS.replace("t.mean(-t.torso_velocity[..., 0])", "1.0"), "fitness"),
        (FITNESS.replace("    return t.mean", "    open('/etc/passwd').read()\n    return t.mean"), "line 5 raised"),
    ],
    ids=["wrong sign", "wrong index", "unknown field", "not finite", "one number for all", "reads a file"],
)
def test_wrong_draft_is_refused_with_what_happened(
    code: str, reason: str, table: StateTable, boxes: Embedded, tmp_path: Path
) -> None:
    draft = tried(code, table, boxes, tmp_path)
    assert isinstance(draft, Refused)
    assert reason in draft.reason


def test_what_the_box_said_goes_back_to_the_model(table: StateTable, boxes: Embedded, tmp_path: Path) -> None:
    model = Scripted([said(FITNESS.replace("mean(-", "mean(")), said()])
    bare: Task = task_of("half_cheetah").model_copy(update={"fitness": None, "human": None})
    draft = derive(bare, table, model, FOLDER, boxes, tmp_path)
    assert draft.source.startswith("import numpy")
    assert "the better episode scores -2, the worse one 0" in model.requests[1].messages[-1].content
