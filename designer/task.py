"""Find a task and turn it into a `Task`: a shipped one by its name, a TOML file, or a sentence with an environment.

In two steps, because expressions name fields and the state table is measured by a worker: `find_task` reads every file
that the task needs, `resolve_task` parses its expressions against the table.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from designer.errors import TaskError, did_you_mean
from designer.expression import parse_episode, parse_step, parse_success
from designer.factors import parse_order
from designer.records import Expression, Function, Measure, Record, StateTable, Task
from designer.syntax import Unreadable, parse
from designer.training_defaults import checked

DEFAULT_STEPS = 300_000
MAX_FILE_BYTES = 100_000
MAX_TEXT_CHARACTERS = 2000
MAX_NAME_CHARACTERS = 40

Parser = Callable[[str, StateTable], Expression]

_MEASURE_PARAMETERS = 1  # fitness(t), success(t)
_REWARD_PARAMETERS = 2  # a human's reward(s, a)


class TaskFile(Record):
    """The keys of a task's TOML. `world` is needed only outside a world's own folder; `state` names a state table.

    order: the factors that matter, the most important first, such as "effort: -norm(action) within 0.3" (HERON).
    training: how it is best trained, for whoever chose no settings. trap: an obvious reward that can be hacked, for benchmarks.
    held_out: no prompt example and no word of the composer's lexicon may be made for this task. left: why a shipped task is no
    longer in the suite that benchmarks use; it can be trained, and nothing is claimed of it.
    """

    text: str
    world: str = ""
    state: str = ""
    fitness: str = ""
    fitness_unit: str = ""
    success: str = ""
    sparse: str = ""
    human: str = ""
    human_origin: str = ""
    order: list[str] = Field(default_factory=list)
    trap: str = ""
    held_out: bool = False
    left: str = ""
    solved_at: float | None = None
    steps: int = DEFAULT_STEPS
    training: dict[str, Any] = Field(default_factory=dict)

    @property
    def says_steps(self) -> bool:
        return "steps" in self.model_fields_set


class TaskDraft(Record):
    """A task whose files are read and whose expressions are still text.

    world: as typed, or as its file says; paths in it and in the file's `state` are seen from `folder`.
    """

    name: str
    file: TaskFile
    world: str
    folder: Path
    fitness: Function | str | None
    success: Function | str | None
    human: Function | None


# Step one: files ----------------------------------------------------------------------------------------------------


def find_task(what: str, worlds_root: Path, world: str = "", fitness: str = "", folder: Path = Path()) -> TaskDraft:
    """Find a task by what was typed: a shipped task's name, a path ending in .toml, or a sentence.

    worlds_root: the folder of the shipped worlds. world: --env. fitness: --fitness, an expression or file.py:function;
    its file is looked for in `folder`. Raises TaskError.
    """
    what = what.strip()
    shipped = shipped_tasks(worlds_root)
    _refuse_task_as_world(world, shipped)
    if what in shipped:
        path = shipped[what]
        home = path.parent.parent
        read = _read_task_file(path)
        return _draft(what, read, _one_world(what, read.world or home.name, world), fitness, [home], folder, path.parent)
    if what.endswith(".toml"):
        path = folder / what
        read = _read_task_file(path)
        its_world = _one_world(what, read.world, world)
        seen_from = path.parent if read.world else folder
        return _draft(_name_of(path.stem), read, its_world, fitness, _judge_folders(path), folder, seen_from)
    _refuse_near_miss(what, world, shipped)
    if not world:
        raise TaskError(
            f'"{_cut(what)}" needs an environment. Type for example: --env HalfCheetah-v5 '
            f'--fitness "mean(torso_velocity[x])". Or name a task that has both: {", ".join(shipped)}.'
        )
    return _draft(_name_of(what), TaskFile(text=what), world, fitness, [folder], folder, folder)


def draft_of(name: str, file: TaskFile, folder: Path) -> TaskDraft:
    """Read the files of a task that was made in Python; they are looked for in `folder`. Raises TaskError."""
    return _draft(_name_of(name), file, file.world, "", [folder], folder, folder)


def with_order(draft: TaskDraft, order: Sequence[str]) -> TaskDraft:
    """Return the draft with an order of factors that was typed. Raises TaskError where it has its own."""
    if order and draft.file.order:
        raise TaskError(f"{draft.name} has its own order of factors ({_cut('; '.join(draft.file.order))}). Leave --order out.")
    file = draft.file.model_copy(update={"order": list(order)}) if order else draft.file
    return draft.model_copy(update={"file": file})


def _judge_folders(path: Path) -> list[Path]:
    """Return where a task file's functions may be: beside it, and above a folder called tasks, as in a world's own folder."""
    return [path.parent, path.parent.parent] if path.parent.name == "tasks" else [path.parent]


def shipped_tasks(worlds_root: Path) -> dict[str, Path]:
    """Return the shipped tasks by name: <world>_<file's stem>, such as half_cheetah_backward."""
    return {f"{path.parent.parent.name}_{path.stem}": path for path in sorted(worlds_root.glob("*/tasks/*.toml"))}


def suite(worlds_root: Path) -> dict[str, Path]:
    """Return the shipped tasks that have not left the suite, by name."""
    return {name: path for name, path in shipped_tasks(worlds_root).items() if not _read_task_file(path).left}


def _draft(
    name: str, file: TaskFile, world: str, fitness: str, measure_folders: list[Path], typed_in: Path, seen_from: Path
) -> TaskDraft:
    if not file.text.strip() or len(file.text) > MAX_TEXT_CHARACTERS:
        raise TaskError(f"the task's text has {len(file.text)} characters; say what is wanted in 1 to {MAX_TEXT_CHARACTERS}.")
    if file.fitness and fitness:
        raise TaskError(f"{name} has its own fitness ({_cut(file.fitness)}). Leave --fitness out, or type a sentence.")
    folders = [typed_in] if fitness else measure_folders
    human = _measure("human", file.human, measure_folders, _REWARD_PARAMETERS)
    if isinstance(human, str):
        raise TaskError(f"human = {_cut(human)!r} is not a function. Write file.py:function.")
    return TaskDraft(
        name=name,
        file=file,
        world=world,
        folder=seen_from,
        fitness=_measure("fitness", fitness or file.fitness, folders, _MEASURE_PARAMETERS),
        success=_measure("success", file.success, measure_folders, _MEASURE_PARAMETERS),
        human=human,
    )


def _one_world(what: str, *named: str) -> str:
    """Return the one world that the places which may name it agree on."""
    worlds = list(dict.fromkeys(name for name in named if name))
    if not worlds:
        raise TaskError(f'{what} names no world. Add world = "half_cheetah" (or a gymnasium id), or type --env.')
    if len(worlds) > 1:
        raise TaskError(f"{what} is a task of {worlds[0]}, not of {worlds[1]}. Leave --env out, or type a sentence.")
    return worlds[0]


def _refuse_task_as_world(world: str, shipped: dict[str, Path]) -> None:
    name = _name_of(world) if world else ""
    if name in shipped:
        its_world = shipped[name].parent.parent.name
        raise TaskError(f"{world} is a task, not an environment: its world is {its_world}. Did you mean --env {its_world}?")


def _refuse_near_miss(what: str, world: str, shipped: dict[str, Path]) -> None:
    """A shipped task's name in another spelling, or a word that is no sentence, gets the closest name."""
    is_one_word = len(what.split()) < 2
    if world and not is_one_word:
        return
    name = _name_of(what)
    if name in shipped:
        raise TaskError(f"no task is called {_cut(what)!r}. Did you mean {name}?")
    meant = did_you_mean(name, shipped)
    if is_one_word and (meant or not world):
        asked = "Type a task's name, a .toml file, or a sentence with --env."
        raise TaskError(f"no task is called {_cut(what)!r}.{meant} Tasks: {', '.join(shipped) or 'none'}. {asked}")


def _name_of(text: str) -> str:
    """Turn a sentence or a file's name into a task's name: lower case, words joined by _."""
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in text.lower()).split()
    return "_".join(words)[:MAX_NAME_CHARACTERS].rstrip("_") or "task"


def _cut(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:80]} [cut]"


# Reading files ------------------------------------------------------------------------------------------------------


def _read_task_file(path: Path) -> TaskFile:
    try:
        content = tomllib.loads(_read(path))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise TaskError(f"{path} is not valid TOML: {str(error)[:200]}.") from None
    known = list(TaskFile.model_fields)
    for key in content:
        if key not in known:
            raise TaskError(f"{path}: there is no key {_cut(key)!r}.{did_you_mean(key, known)} Keys: {', '.join(known)}.")
    if "text" not in content:
        raise TaskError(f'{path}: text is missing. Say what is wanted: text = "Make the ... run backward."')
    try:
        read = TaskFile.model_validate(content, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise TaskError(f"{path}: {first['loc'][0]} = {_cut(repr(first['input']))}: {first['msg']}.") from None
    if read.steps < 1:
        raise TaskError(f"{path}: steps = {read.steps} must be at least 1; {DEFAULT_STEPS} is usual.")
    if "steps" in checked(read.training, str(path)):
        raise TaskError(f"{path}: training.steps = {read.training['steps']}: write steps = ... above [training].")
    return read


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise TaskError(f"{path} is larger than {MAX_FILE_BYTES // 1000} kB; at most that much is read.")
        return content.decode()
    except OSError as error:
        raise TaskError(f"{path} can't be read: {error.strerror or error}.") from None
    except ValueError:
        raise TaskError(f"{path} is not UTF-8 text.") from None


def _measure(key: str, text: str, folders: list[Path], parameters: int) -> Function | str | None:
    """Return a function with its source, the text of an expression, or None where nothing is given."""
    file, colon, name = text.strip().rpartition(":")
    if not (colon and file.endswith(".py")):
        if text.strip().endswith(".py"):
            raise TaskError(f"{key} = {_cut(text)!r} names no function. Write {_cut(text.strip())}:<function>.")
        return text.strip() or None
    places = [folder / file for folder in folders]
    path = next((place for place in places if place.is_file()), places[0])
    source = _read(path)
    _require_function(key, path, name.strip(), source, parameters)
    return Function(file=file, name=name.strip(), source=source)


def _require_function(key: str, path: Path, name: str, source: str, parameters: int) -> None:
    tree = parse(source, "exec")
    if isinstance(tree, Unreadable):
        raise TaskError(f"{key}: {path}, line {tree.line}: {tree.message}")
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if name not in functions:
        raise TaskError(f"{key}: {path} defines no function {name!r}.{did_you_mean(name, functions)}")
    taken = functions[name].args
    required = len(taken.posonlyargs) + len(taken.args) - len(taken.defaults)
    if required != parameters or any(default is None for default in taken.kw_defaults):
        wanted = f"{name}(s, a)" if parameters == _REWARD_PARAMETERS else f"{name}(t), where t holds the trajectories"
        raise TaskError(f"{key}: {path} defines {name}({ast.unparse(taken)[:80]}); it must be {wanted}.")


# Step two: expressions ----------------------------------------------------------------------------------------------


def resolve_task(draft: TaskDraft, table: StateTable) -> Task:
    """Parse the draft's expressions against its world's measured table. Raises TaskError."""

    def resolved(key: str, measure: Function | str | None, parser: Parser) -> Measure | None:
        return _expression(key, measure, table, parser) if isinstance(measure, str) else measure

    sparse = draft.file.sparse.strip()
    fitness = resolved("fitness", draft.fitness, parse_episode)
    return Task(
        name=draft.name,
        text=draft.file.text.strip(),
        world=table.world,
        fitness=fitness,
        fitness_origin="given" if fitness else "none",
        fitness_unit=draft.file.fitness_unit,
        success=resolved("success", draft.success, parse_success),
        sparse=_expression("sparse", sparse, table, parse_step) if sparse else None,
        human=draft.human,
        human_origin=draft.file.human_origin,
        order=parse_order(draft.file.order, table),
        solved_at=draft.file.solved_at,
        steps=draft.file.steps,
    )


def _expression(key: str, text: str, table: StateTable, parser: Parser) -> Expression:
    try:
        return parser(text, table)
    except TaskError as error:
        raise TaskError(f"{key} = {error}") from None


def require_fitness(task: Task, table: StateTable) -> Measure:
    """Return the task's fitness. Raises TaskError that says what to type where there is none."""
    if task.fitness is not None:
        return task.fitness
    raise TaskError(
        f'"{_cut(task.text)}" has no fitness, so nothing could say which reward is better. Type one number an episode, '
        f'higher is better, for example: --fitness "{example_fitness(table)}", or --fitness file.py:function. '
        f"Fields: {', '.join(table.by_name)}."
    )


def example_fitness(table: StateTable) -> str:
    """Write a fitness in this world's own field names."""
    kinds = ("linear_velocity", "distance", "height", "angular_velocity", "position")
    ranked = sorted(table.fields, key=lambda field: kinds.index(field.kind) if field.kind in kinds else len(kinds))
    if not ranked:
        return "mean(norm(action))"
    field = ranked[0]
    index = "0, " * (len(field.shape) - 1)
    last = field.components[0] if field.components and field.components[0].isidentifier() else "0"
    value = f"{field.name}[{index}{last}]" if field.shape else field.name
    return f"mean({'-' if field.kind == 'distance' else ''}{value})"
