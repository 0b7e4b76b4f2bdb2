"""Hold a curriculum's list to its form: STAGES = [Stage("name", done, reward, share), ...], written out at the top level."""

from __future__ import annotations

import ast

from designer.check_language import parameters
from designer.errors import did_you_mean
from designer.records import Fault
from designer.stages import MOST, STAGE, STAGES, stages_value

ARGUMENTS = ("name", "done", "reward", "share")
SOLVED = "solved"
FORM = 'Write STAGES = [Stage("hold_key", key_held), ...]: a name, a function done(s), perhaps a reward(s, a) and a share.'
_LAST_PHASE = 0.2


def stage_faults(tree: ast.Module) -> list[Fault]:
    """Return what is wrong with the stages of a file; [] where it has none."""
    value = stages_value(tree)
    if value is None:
        used = next((node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == STAGE), None)
        return [_at(used, "a Stage stands outside STAGES.", FORM)] if used else []
    if not isinstance(value, ast.List | ast.Tuple):
        return [_at(value, f"{STAGES} is not a list written out.", FORM)]
    if not 1 <= len(value.elts) <= MOST:
        hint = f"Name 1 to {MOST} subgoals; the task itself, `reward`, comes after them."
        return [_at(value, f"{STAGES} holds {len(value.elts)} stages.", hint)]
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    faults = [fault for element in value.elts for fault in _element_faults(element, functions)]
    return faults or _whole_faults(value)


def solved_faults(tree: ast.Module) -> list[Fault]:
    """Return what is wrong with a file's `solved(s)`, its own word on where the task is solved; [] where it has none."""
    function = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == SOLVED), None)
    if function is None:
        return []
    given = tuple(arg.arg for arg in parameters(function))
    if given not in (("s",), ("s", "slack")) or function.args.defaults or function.args.kwonlyargs:
        hint = f"It must be {SOLVED}(s), or {SOLVED}(s, slack)."
        return [_at(function, f"{SOLVED} takes {ast.unparse(function.args)[:80]}.", hint)]
    return _done_faults(function, "the task is solved")


def _element_faults(element: ast.expr, functions: dict[str, ast.FunctionDef]) -> list[Fault]:
    if not (isinstance(element, ast.Call) and isinstance(element.func, ast.Name) and element.func.id == STAGE):
        return [_at(element, f"an entry of {STAGES} is not a Stage(...).", FORM)]
    given = _arguments(element)
    if given is None or not {"name", "done"} <= set(given):
        return [_at(element, f"a stage is not Stage({', '.join(ARGUMENTS)}).", FORM)]
    faults = _name_faults(given["name"]) + _function_faults(given["done"], "done", ("s",), functions)
    if not _is_none(given.get("reward")):
        faults += _function_faults(given["reward"], "reward", ("s", "a"), functions)
    return faults + _share_faults(given.get("share"))


def _arguments(call: ast.Call) -> dict[str, ast.expr] | None:
    """Return a stage's arguments by name, or None where they don't fit."""
    names = [*ARGUMENTS[: len(call.args)], *(word.arg or "" for word in call.keywords)]
    values = [*call.args, *(word.value for word in call.keywords)]
    fits = len(call.args) <= len(ARGUMENTS) and len(set(names)) == len(names) and set(names) <= set(ARGUMENTS)
    return dict(zip(names, values, strict=True)) if fits else None


def _name_faults(name: ast.expr) -> list[Fault]:
    plain = (
        isinstance(name, ast.Constant) and isinstance(name.value, str) and name.value.isidentifier() and len(name.value) <= 60
    )
    return (
        [] if plain else [_at(name, f"{ast.unparse(name)[:80]} is not a stage's name.", 'Use a short name such as "hold_key".')]
    )


def _function_faults(
    value: ast.expr, what: str, expected: tuple[str, ...], functions: dict[str, ast.FunctionDef]
) -> list[Fault]:
    if not isinstance(value, ast.Name):
        return [_at(value, f"a stage's {what} is not the name of a function.", f"Define it with def at the top level. {FORM}")]
    function = functions.get(value.id)
    if function is None:
        hint = did_you_mean(value.id, functions).strip() or f"Define {value.id}({', '.join(expected)}) at the top level."
        return [_at(value, f"no function is called {value.id}.", hint)]
    if tuple(arg.arg for arg in parameters(function)) != expected:
        hint = f"It must be {function.name}({', '.join(expected)})."
        return [_at(function, f"{function.name} is a stage's {what} and takes {ast.unparse(function.args)[:80]}.", hint)]
    return _done_faults(function) if what == "done" else []


def _done_faults(function: ast.FunctionDef, what: str = "a stage is reached") -> list[Fault]:
    """Refuse what is plainly no condition; the harness looks at the rest."""
    hint = "Return a comparison of the state, (num_envs,) of bool: return s.carrying > 0."
    returns = [node for node in ast.walk(function) if isinstance(node, ast.Return)]
    wrong = [node for node in returns if isinstance(node.value, ast.Dict | ast.Constant | ast.Tuple | ast.List | None)]
    faults = [_at(node, f"{function.name} says when {what} and returns no condition here.", hint) for node in wrong]
    return faults or ([] if returns else [_at(function, f"{function.name} returns nothing.", hint)])


def _share_faults(share: ast.expr | None) -> list[Fault]:
    if share is None or _is_none(share):
        return []
    value = share.value if isinstance(share, ast.Constant) else None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1 - _LAST_PHASE:
        return []
    hint = f"It is the part of the training that the stage may take, above 0 and at most {1 - _LAST_PHASE:g}; or leave it out."
    return [_at(share, f"{ast.unparse(share)[:80]} is not a stage's share.", hint)]


def _whole_faults(value: ast.List | ast.Tuple) -> list[Fault]:
    given = [arguments for call in value.elts if isinstance(call, ast.Call) and (arguments := _arguments(call))]
    names = [name.value for arguments in given if isinstance(name := arguments["name"], ast.Constant)]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    return [_at(value, f"two stages are called {twice!r}.", "Name each once.")] if twice else []


def _is_none(node: ast.expr | None) -> bool:
    return node is None or (isinstance(node, ast.Constant) and node.value is None)


def _at(node: ast.expr | ast.stmt, message: str, hint: str) -> Fault:
    return Fault(line=node.lineno, message=message, hint=hint)
