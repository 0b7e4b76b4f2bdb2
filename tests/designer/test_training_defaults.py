"""How a task or a world asks to be trained: who outweighs whom, and what each mistake is answered with."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from designer.bundle import bundle_root
from designer.config import Config, load
from designer.errors import TaskError
from designer.task import find_task, shipped_tasks
from designer.training_defaults import checked, training_of, with_training
from designer.world_source import WorldSource


def test_flag_outweighs_the_task_the_task_its_world_and_the_world_the_default():
    config = load(None, {"training.gamma": "0.9"})
    trained = with_training(config, {"gamma": 0.95, "horizon": 16}, {"horizon": 8, "num_envs": 4, "gamma": 0.5}).training
    assert (trained.gamma, trained.horizon, trained.num_envs, trained.trainer) == (0.9, 16, 4, "ppo")


def test_choosing_the_default_is_choosing():
    config = load(None, {"training.num_envs": str(Config().training.num_envs)})
    assert with_training(config, {"num_envs": 4}).training.num_envs == Config().training.num_envs


def test_trainer_hears_only_what_is_set():
    assert Config().training.for_the_trainer == {"num_envs": 64, "gamma": 0.99}
    told = with_training(Config(), {"entropy": 0.02, "spread": 0.5, "epochs": 3}).training.for_the_trainer
    assert (told["entropy_weight"], told["choice_entropy_weight"], told["epochs"]) == (0.02, 0.02, 3)
    assert math.exp(told["initial_log_std"]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gama": 0.9}, "x.toml: training has no setting 'gama'. Did you mean gamma?"),
        ({"gamma": 2}, "x.toml: training.gamma = '2'"),
        ({"horizon": "long"}, "x.toml: training.horizon = 'long'"),
        (3, "x.toml: training = '3' is not a table"),
    ],
)
def test_mistake_is_named_with_its_file(settings, message):
    with pytest.raises(TaskError) as caught:
        checked(settings, "x.toml")
    assert message in str(caught.value)


def test_world_of_ones_own_says_it_in_its_folder(tmp_path: Path):
    (tmp_path / "training.toml").write_text("num_envs = 8\nsteps = 5000\n")
    world = WorldSource("user_world/mine", tmp_path)
    assert training_of(world, "mine") == {"num_envs": 8, "steps": 5000}
    assert training_of(world, "mine", steps_are_said=True) == {"num_envs": 8}


def test_gymnasium_world_says_it_in_its_state_table(tmp_path: Path):
    (tmp_path / "table.toml").write_text("[training]\ngamma = 0.9\n")
    assert training_of(WorldSource("CartPole-v1", None, tmp_path / "table.toml"), "CartPole-v1") == {"gamma": 0.9}


def test_world_that_says_nothing_is_trained_by_default(tmp_path: Path):
    assert training_of(WorldSource("user_world/half_cheetah", tmp_path), "half_cheetah") == {}
    assert training_of(WorldSource("Nobody-v0"), "Nobody-v0") == {}


def test_task_can_not_say_its_steps_twice(tmp_path: Path):
    (tmp_path / "my.toml").write_text('text = "Go."\nworld = "hopper"\nsteps = 10\n[training]\nsteps = 20\n')
    with pytest.raises(TaskError, match=r"training\.steps = 20: write steps"):
        find_task("my.toml", tmp_path, folder=tmp_path)


def test_every_shipped_world_and_task_says_something_that_can_be_set():
    root = bundle_root() / "envs"
    for name in shipped_tasks(root):
        find_task(name, root)  # checks the task's own
    for path in (*root.glob("*/env.py"), *root.glob("gymnasium_tables/*.toml")):
        training_of(WorldSource(path.parent.name) if path.suffix == ".py" else WorldSource("", None, path), path.parent.name)
