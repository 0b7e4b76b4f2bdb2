"""What a candidate can read: every file of the staged worker code, named. No judge, no human's reward, no task, no host."""

import ast
from pathlib import Path

import pytest

from designer.runs import stage_worker_code

ENVS = {
    *(
        "__init__.py",
        "device_array.py",
        "eases.py",
        "errors.py",
        "gymnasium_world.py",
        "minigrid_view.py",
        "minigrid_world.py",
        "model_view.py",
        "mujoco_world.py",
        "planar.py",
        "replayed.py",
        "shared_name.py",
        "spaces.py",
    ),
    *("state.py", "tables.py", "torso.py", "variants.py", "vec_env.py", "warp_world.py", "worlds.py"),
}
TABLES = {
    *("acrobot", "bipedal_walker", "blackjack", "cart_pole", "cliff_walking", "frozen_lake", "frozen_lake_8x8"),
    *("lunar_lander", "lunar_lander_continuous", "metaworld", "minigrid", "mountain_car", "mountain_car_continuous", "taxi"),
}
WORLDS = {
    "ant": set[str](),
    "half_cheetah": set[str](),
    "hopper": set[str](),
    "humanoid": {"body.py"},
    "humanoid_standup": set[str](),
    "inverted_double_pendulum": set[str](),
    "inverted_pendulum": set[str](),
    "pendulum": {"pendulum.xml"},
    "pusher": set[str](),
    "reacher": set[str](),
    "swimmer": set[str](),
    "walker2d": set[str](),
}
OPTIONAL = {"ranges.toml"}
"""A world may or may not have reviewed ranges; they are numbers of the state, nothing of a task."""
SANDBOX = {
    "__init__.py",
    "actions.py",
    "allowance.py",
    "analyse.py",
    "aids.py",
    "attempts.py",
    "bandits.py",
    "checkpoint.py",
    "compare.py",
    "course.py",
    "describe.py",
    "device_train.py",
    "drawing.py",
    "encoder.py",
    "explain.py",
    "extremes.py",
    "faults.py",
    "fading.py",
    "gates.py",
    "help.py",
    "solved.py",
    "likeness.py",
    "measure.py",
    "networks.py",
    "outcomes.py",
    "parts.py",
    "output.py",
    "payers.py",
    "policy.py",
    "ppo.py",
    "probe.py",
    "render.py",
    "reward.py",
    "rollout.py",
    "sb3_learner.py",
    "sb3_train.py",
    "sb3_worlds.py",
    "score.py",
    "stage_input.py",
    "stage_pay.py",
    "staged_world.py",
    "stages.py",
    "surroundings.py",
    "terms.py",
    "traces.py",
    "variants.py",
    "train.py",
    "train_together.py",
    "crew.py",
    "huge_pages.py",
    "warm.py",
    "transitions.py",
    "worker.py",
    # The walls: what raises them may be read, once they stand.
    "box.py",
    "bubblewrap.py",
    "confinement.py",
    "contained.py",
    "kernel.py",
    "landlock.py",
    "leftovers.py",
    "mounts.py",
    "namespaces.py",
    "places.py",
    "privileges.py",
    "proofs.py",
    "seal.py",
    "selfcheck.py",
    "syscalls.py",
}


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("staged") / "code"
    stage_worker_code(folder)
    return folder


def test_staged_code_is_exactly_this(code: Path) -> None:
    expected = {f"envs/{name}" for name in ENVS} | {f"sandbox/{name}" for name in SANDBOX}
    expected |= {f"envs/gymnasium_tables/{name}.toml" for name in TABLES}
    for world, own in WORLDS.items():
        expected |= {f"envs/{world}/{name}" for name in {"__init__.py", "env.py", *own}}
    found = {path.relative_to(code).as_posix() for path in code.rglob("*") if path.is_file()}
    assert {path for path in found ^ expected if Path(path).name not in OPTIONAL} == set()


def test_no_judge_no_human_reward_no_task_and_no_host_is_staged(code: Path) -> None:
    names = {part for path in code.rglob("*") for part in path.relative_to(code).parts}
    assert names & {"fitness.py", "human.py", "tasks", "designer", "prompts", "tests", "__pycache__"} == set()
    assert not any(path.is_symlink() for path in code.rglob("*"))


def test_every_import_among_the_staged_files_is_staged(code: Path) -> None:
    for path in code.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in ("envs", "sandbox"):
                module = code.joinpath(*node.module.split("."))
                submodules = [module / f"{alias.name}.py" for alias in node.names]
                there = module.with_suffix(".py").is_file() or all(path.is_file() for path in submodules)
                assert there, f"{path.relative_to(code)} imports {node.module}"
