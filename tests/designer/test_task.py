"""Finding and resolving tasks: shipped ones, files, sentences, and what each mistake is answered with."""

from pathlib import Path

import pytest

from designer.errors import TaskError
from designer.records import Expression, Function
from designer.task import MAX_FILE_BYTES, example_fitness, find_task, require_fitness, resolve_task
from tests.designer.cheetah_table import cheetah_table

BACKWARD = """
text = "Make the half-cheetah run backward."
fitness = "mean(-torso_velocity[x])"
fitness_unit = "m/s"
success = "fitness.py:ran_backward"
sparse = "-torso_velocity[x]"
human = "human.py:backward"
human_origin = "gymnasium"
solved_at = 2
steps = 1000
"""
FITNESS = "def ran_backward(t):\n    return t.length > 0\n\ndef two(t, u):\n    return t\n"
HUMAN = "def backward(s, a):\n    return {'run': -s.torso_velocity[:, 0]}\n"


@pytest.fixture
def worlds_root(tmp_path: Path) -> Path:
    world = tmp_path / "envs" / "half_cheetah"
    (world / "tasks").mkdir(parents=True)
    (world / "tasks" / "backward.toml").write_text(BACKWARD)
    (world / "tasks" / "forward.toml").write_text('text = "Run."\n')
    (world / "fitness.py").write_text(FITNESS)
    (world / "human.py").write_text(HUMAN)
    return world.parent


def refusal(worlds_root: Path, what: str, **typed) -> str:
    with pytest.raises(TaskError) as caught:
        resolve_task(find_task(what, worlds_root, **typed), cheetah_table())
    return str(caught.value)


def written(worlds_root: Path, content: str) -> dict[str, Path | str]:
    """Write my.toml beside the worlds; return how to find it."""
    folder = worlds_root.parent / "mine"
    folder.mkdir(exist_ok=True)
    (folder / "my.toml").write_text(content)
    (folder / "fitness.py").write_text(FITNESS)
    return {"what": "my.toml", "folder": folder}


# What works ----------------------------------------------------------------------------------------------------------


def test_shipped_task_is_found_by_world_and_name(worlds_root: Path):
    draft = find_task("half_cheetah_backward", worlds_root)
    assert draft.world == "half_cheetah"
    task = resolve_task(draft, cheetah_table())
    assert task.name == "half_cheetah_backward"
    assert isinstance(task.fitness, Expression)
    assert task.fitness.text == "mean(-torso_velocity[x])"
    assert task.fitness_origin == "given"
    assert task.success == Function(file="fitness.py", name="ran_backward", source=FITNESS)
    assert task.human == Function(file="human.py", name="backward", source=HUMAN)
    assert task.sparse is not None
    assert (task.solved_at, task.steps, task.fitness_unit) == (2.0, 1000, "m/s")


def test_task_file_takes_its_functions_from_its_own_folder(worlds_root: Path):
    found = written(worlds_root, 'text = "Go."\nworld = "HalfCheetah-v5"\nfitness = "fitness.py:ran_backward"\n')
    draft = find_task(worlds_root=worlds_root, **found)
    assert (draft.name, draft.world) == ("my", "HalfCheetah-v5")
    assert resolve_task(draft, cheetah_table()).fitness == Function(file="fitness.py", name="ran_backward", source=FITNESS)


def test_sentence_with_an_environment_and_a_fitness(worlds_root: Path):
    draft = find_task("Run backward, fast!", worlds_root, world="HalfCheetah-v5", fitness="mean(-torso_velocity[x])")
    task = resolve_task(draft, cheetah_table())
    assert (draft.world, task.world) == ("HalfCheetah-v5", "half_cheetah")
    assert (task.name, task.text, task.steps) == ("run_backward_fast", "Run backward, fast!", 300_000)


def test_typed_fitness_may_be_a_function_of_a_file(worlds_root: Path):
    folder = worlds_root / "half_cheetah"
    draft = find_task("run back", worlds_root, world="x", fitness="fitness.py:ran_backward", folder=folder)
    assert isinstance(draft.fitness, Function)


def test_typed_fitness_fills_in_where_a_task_has_none(worlds_root: Path):
    draft = find_task("half_cheetah_forward", worlds_root, fitness="mean(torso_velocity[x])")
    assert draft.fitness == "mean(torso_velocity[x])"


def test_task_survives_json(worlds_root: Path):
    task = resolve_task(find_task("half_cheetah_backward", worlds_root), cheetah_table())
    assert type(task).model_validate_json(task.model_dump_json()) == task


def test_one_word_with_an_environment_is_a_sentence(worlds_root: Path):
    assert find_task("backflip", worlds_root, world="half_cheetah").file.text == "backflip"


def test_sentence_in_another_script_gets_a_plain_name(worlds_root: Path):
    assert find_task("跑 步", worlds_root, world="half_cheetah").name == "task"


# Missing parts -------------------------------------------------------------------------------------------------------


def test_sentence_without_an_environment_says_what_to_type(worlds_root: Path):
    message = refusal(worlds_root, "make it run")
    assert "--env HalfCheetah-v5" in message
    assert "half_cheetah_backward" in message


def test_missing_fitness_is_allowed_until_it_is_needed(worlds_root: Path):
    task = resolve_task(find_task("make it run", worlds_root, world="half_cheetah"), cheetah_table())
    assert (task.fitness, task.fitness_origin) == (None, "none")
    with pytest.raises(TaskError, match=r'--fitness "mean\(torso_velocity\[x\]\)"'):
        require_fitness(task, cheetah_table())


def test_example_fitness_resolves_in_its_world(worlds_root: Path):
    example = example_fitness(cheetah_table())
    task = resolve_task(find_task("run now", worlds_root, world="half_cheetah", fitness=example), cheetah_table())
    assert require_fitness(task, cheetah_table()) == task.fitness


# Mistakes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["half-cheetah-backward", "Half_Cheetah_Backward", "half cheetah backward"])
def test_other_spelling_gets_the_name(worlds_root: Path, name: str):
    assert "Did you mean half_cheetah_backward?" in refusal(worlds_root, name)


def test_unknown_task_gets_the_closest_and_the_list(worlds_root: Path):
    message = refusal(worlds_root, "half_cheetah_backwards")
    assert "Did you mean half_cheetah_backward?" in message
    assert "Tasks: half_cheetah_backward, half_cheetah_forward." in message


def test_task_as_environment_gets_its_world(worlds_root: Path):
    assert "Did you mean --env half_cheetah?" in refusal(worlds_root, "run back", world="half_cheetah_backward")


def test_shipped_task_keeps_its_own_world_and_fitness(worlds_root: Path):
    assert "Leave --env out" in refusal(worlds_root, "half_cheetah_backward", world="ant")
    assert "Leave --fitness out" in refusal(worlds_root, "half_cheetah_backward", fitness="length_s")
    assert find_task("half_cheetah_backward", worlds_root, world="half_cheetah").world == "half_cheetah"


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ('text = "Go."\n', "names no world"),
        ('world = "x"\n', "text is missing"),
        ('text = " "\nworld = "x"\n', "say what is wanted"),
        ('text = "Go."\nfitnes = "x"\n', "Did you mean fitness?"),
        ('text = "Go."\nworld = "x"\nsteps = "many"\n', "steps = 'many'"),
        ('text = "Go."\nworld = "x"\nsteps = 0\n', "at least 1"),
        ('text = "Go."\nworld = "x"\nsolved_at = inf\n', "solved_at = inf"),
        ("text = \n", "not valid TOML"),
        ('text = "Go."\nworld = "x"\nfitness = "mean(torso_velocty[x])"\n', "fitness = "),
        ('text = "Go."\nworld = "x"\nfitness = "fitness.py"\n', "Write fitness.py:<function>"),
        ('text = "Go."\nworld = "x"\nfitness = "fitness.py:ran_backwards"\n', "Did you mean ran_backward?"),
        ('text = "Go."\nworld = "x"\nfitness = "fitness.py:two"\n', "it must be two(t)"),
        ('text = "Go."\nworld = "x"\nfitness = "nothing.py:two"\n', "can't be read: No such file"),
        ('text = "Go."\nworld = "x"\nfitness = "my.toml.py:two"\n', "can't be read"),
        ('text = "Go."\nworld = "x"\nsuccess = "mean(torso_pitch)"\n', "success = "),
        ('text = "Go."\nworld = "x"\nsparse = "mean(torso_pitch)"\n', "every step is paid"),
        ('text = "Go."\nworld = "x"\nhuman = "a + 1"\n', "is not a function"),
        ('text = "Go."\nworld = "x"\nhuman = "fitness.py:ran_backward"\n', "must be ran_backward(s, a)"),
    ],
)
def test_mistake_in_a_task_file_is_named(worlds_root: Path, content: str, part: str):
    assert part in refusal(worlds_root, **written(worlds_root, content))


def test_task_file_that_is_not_there_is_named(worlds_root: Path):
    assert "can't be read: No such file" in refusal(worlds_root, "nothing.toml", folder=worlds_root)


def test_large_file_is_refused(worlds_root: Path):
    assert "larger than 100 kB" in refusal(worlds_root, **written(worlds_root, "#" * (MAX_FILE_BYTES + 1)))


def test_file_that_is_not_text_is_refused(worlds_root: Path):
    (worlds_root / "bad.toml").write_bytes(b"\xff\xfe\x00")
    assert "not UTF-8" in refusal(worlds_root, "bad.toml", folder=worlds_root)


def test_function_file_with_a_syntax_error_is_named(worlds_root: Path):
    found = written(worlds_root, 'text = "Go."\nworld = "x"\nfitness = "broken.py:f"\n')
    (worlds_root.parent / "mine" / "broken.py").write_text("def f(t:\n")
    assert "broken.py, line 1: not valid Python" in refusal(worlds_root, **found)
