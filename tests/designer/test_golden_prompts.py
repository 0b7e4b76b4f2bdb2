"""Every prompt for three shipped worlds, word by word, and that none of them tells the fitness or the human-written reward.

After a wanted change, rewrite the golden files:
DESIGNER_UPDATE_GOLDEN=1 python -m pytest tests/designer/test_golden_prompts.py tests/designer/test_prompts.py
"""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from designer.bundle import bundle_root
from designer.deriving import Refused, draft_prompt, labels
from designer.executors.results import Episode, Probed, Transition
from designer.feedback.analyst import Analyst
from designer.feedback.critic import Critic, opposites
from designer.feedback.model_rater import ModelRater, Shown
from designer.feedback.viewer import Viewer
from designer.llm.scripted import Scripted
from designer.prompts import Prompts
from designer.proposers import Brief, Draft
from designer.proposers.llm import LanguageModel, task_view
from designer.records import Fault, Function, StateTable, Task, Verb
from designer.stripping import without_reward
from designer.task import find_task, resolve_task
from tests.designer.prompt_material import FOLDER, SOURCE, entries, slot

GOLDEN = Path(__file__).parent / "golden" / "worlds"
TASKS = {"half_cheetah": "half_cheetah_backward", "hopper": "hopper_forward", "pendulum": "pendulum_swing_up"}
SYSTEMS = ("system", "critic_system", "analyst_system", "viewer_system", "fitness_system", "rater_system")
NOTE = "it drags its hind leg"


def table_of(world: str) -> StateTable:
    """The world's table as a worker described it; ranges of shipped worlds are committed, so it stays."""
    return StateTable.model_validate_json((GOLDEN / f"{world}.json").read_bytes())


def task_of(world: str) -> Task:
    return resolve_task(find_task(TASKS[world], bundle_root() / "envs"), table_of(world))


def episode(table: StateTable, fitness: float, last: float) -> Episode:
    labels = [f"{field.name}[{c}]" if c else field.name for field in table.fields for c in (field.components or ("",))]
    stages = {label: (0.0, 0.5, last + number / 10) for number, label in enumerate(labels)}
    events = ({"step": 40, "text": f"{labels[0]} stays at {last} from here to the end"},)
    return Episode.model_validate(
        {"fitness": fitness, "steps": 90, "edges": (0, 30, 60, 90), "stages": stages, "events": events}
    )


def probed(table: StateTable) -> Probed:
    state = {field.name: field.low for field in table.fields}
    step = Transition(total=1.5, terms={"run": 1.5}, state=state, action=table.action.low)
    term = {"name": "run", "mean": 0.1, "std": 0.2, "low": -1.0, "high": 1.5}
    return Probed.model_validate({"terms": (term,), "extremes": {"highest": step, "lowest": step}})


def rendered(world: str) -> dict[str, str]:
    """Render every prompt but the system ones, which are the same for all worlds."""
    table, task = table_of(world), task_of(world)
    source = without_reward((bundle_root() / "envs" / world / "env.py").read_text())
    first = Brief(task, table, (), 0)
    later = Brief(task, table, entries(), 0, notes=(NOTE,), world_source=source)
    model, both = LanguageModel(Scripted([]), FOLDER), ("g00c00", "g00c02")
    faults = (Fault(line=2, message="no field speed.", hint="Did you mean another?"),)
    critic = Critic(Scripted([]), FOLDER, lambda reason: None)
    analyst = Analyst(Scripted([]), FOLDER, lambda reason: None)
    viewer = Viewer(Scripted([]), FOLDER, lambda reason: None)
    rater = ModelRater(Scripted([]), FOLDER, lambda reason: None)
    failing, best = episode(table, 0.5, 0.0), episode(table, 2.5, 1.0)
    return {
        "first": model.prompt(first, slot(round_=1)),
        "revise": model.prompt(later, slot(Verb.MUTATE, ("g00c00",), round_=2)),
        "crossover": model.prompt(later, slot(Verb.CROSSOVER, both, round_=2)),
        "simplify": model.prompt(later, slot(Verb.SIMPLIFY, ("g00c00",), round_=2)),
        "repair": model.repair_prompt(first, Draft(source=SOURCE, why="speed"), faults),
        "critic": critic.prompt(first, Draft(source=SOURCE, why="speed", expects="a run"), probed(table)),
        "critic_choice": critic.choice_prompt(first, *opposites(table)),
        "analyst": analyst.prompt(first, failing, best, SOURCE),
        "rater": rater.prompt(task_view(task), table, Shown(failing), Shown(best)),
        "viewer": viewer.prompt(first, 6),
        "viewer_choice": viewer.choice_prompt(6),
        "subgoals": LanguageModel(Scripted([]), FOLDER, form="stages").prompt(first, slot(round_=1)),
        "fitness": draft_prompt(task, table, FOLDER, Refused("line 2: no such field.", "def fitness(t):\n    return t.x\n")),
    }


def compare(path: Path, text: str) -> None:
    if os.environ.get("DESIGNER_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("world", TASKS)
def test_prompts_of_a_world_are_the_golden_ones(world):
    for name, text in rendered(world).items():
        compare(GOLDEN / world / f"{name}.md", text)


@pytest.mark.parametrize("name", SYSTEMS)
def test_system_prompts_are_the_golden_ones(name):
    compare(GOLDEN / "systems" / f"{name}.md", Prompts(FOLDER).render(f"{name}.j2"))


def test_every_template_is_used_by_some_golden_prompt():
    whole = {path.name for path in FOLDER.glob("*.j2") if not path.name.startswith("_")}
    one = {*rendered("pendulum"), *SYSTEMS} - {"crossover", "simplify"}  # made by revise.j2
    assert whole == {f"{name}.j2" for name in one}


def secrets(task: Task) -> list[str]:
    """Return every line and number of the measures and of the human-written reward that is long enough to be theirs alone."""
    lines = []
    for measure in (task.fitness, task.success, task.sparse, task.human):
        if isinstance(measure, Function):
            body = [
                node
                for node in ast.walk(ast.parse(measure.source))
                if isinstance(node, ast.Assign | ast.Return | ast.AugAssign)
            ]
            lines += [ast.unparse(node) for node in body]
            lines += [line.strip() for line in measure.source.splitlines() if len(line.strip()) > 20]
        elif measure is not None:
            lines.append(measure.text)
    own = {"import torch", "from torch import Tensor", "from __future__ import annotations", *labels(table_of(task.world))}
    return [line for line in lines if len(line) > 12 and line not in own]


@pytest.mark.parametrize("world", TASKS)
def test_fitness_and_human_reward_leak_into_no_prompt(world):
    told = secrets(task_of(world))
    assert len(told) >= 3
    texts = {**rendered(world), **{name: Prompts(FOLDER).render(f"{name}.j2") for name in SYSTEMS}}
    assert [(name, line) for name, text in texts.items() for line in told if line in text] == []


@pytest.mark.parametrize("world", TASKS)
def test_note_and_world_source_stand_in_fences(world):
    text = rendered(world)["revise"]
    assert f"```text\n{NOTE}\n```" in text
    assert "## The world's code" in text
    assert "## The world's code" not in rendered(world)["first"]
