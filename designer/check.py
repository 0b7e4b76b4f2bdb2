"""Check a reward's source before anything runs it: a lint and a teacher, NOT the wall (the sandbox is the wall).

Whatever passes here still runs sealed, as if it had not been checked. The check saves a training that would crash, and
says what is wrong in words that a language model or a person can act on.
"""

from __future__ import annotations

import ast
import graphlib
from collections import Counter

from designer.allowed import BUILTINS
from designer.check_fields import field_reads
from designer.check_language import dotted, language_faults, parameters
from designer.check_stages import solved_faults, stage_faults
from designer.records import Fault, StateTable
from designer.syntax import Unreadable, parse
from designer.text import is_visible

MAX_CHARACTERS = 20_000
MAX_LINES = 400
MAX_FAULTS = 10
MAX_NAME_CHARACTERS = 60

_SIGNATURES = {"reward": ("s", "a"), "potential": ("s",)}
_DICT_HINT = 'Return a dict of terms, each (num_envs,): return {"run": run, "effort": effort}. The harness sums them.'


def check(source: str, table: StateTable) -> tuple[Fault, ...]:
    """Return what is wrong with a reward's source, by line, at most MAX_FAULTS; () where it may be tried."""
    unreadable = _size_fault(source) or _hidden_fault(source)
    if unreadable is not None:
        return (unreadable,)
    tree = parse(source, "exec")
    if isinstance(tree, Unreadable):
        return (Fault(line=tree.line, message=tree.message, hint="Send one complete Python file."),)
    reads = field_reads(tree, table)
    faults = [
        *_contract_faults(tree),
        *stage_faults(tree),
        *solved_faults(tree),
        *reads.faults,
        *language_faults(tree, table.by_name, reads.judged),
    ]
    return tuple(sorted(dict.fromkeys(faults), key=lambda fault: fault.line)[:MAX_FAULTS])


def _size_fault(source: str) -> Fault | None:
    lines = source.count("\n") + 1
    if len(source) > MAX_CHARACTERS:
        return Fault(line=0, message=f"the file has {len(source)} characters; at most {MAX_CHARACTERS} are read.")
    if lines > MAX_LINES:
        return Fault(line=0, message=f"the file has {lines} lines; at most {MAX_LINES} are read.")
    return None


def _hidden_fault(source: str) -> Fault | None:
    """Refuse characters that a person who reads the code can't see, or sees in another order (Trojan Source)."""
    for number, line in enumerate(source.split("\n"), start=1):
        for character in line:
            if character not in "\t\r\f" and not is_visible(character):
                message = f"there is an invisible character, U+{ord(character):04X}."
                return Fault(line=number, message=message, hint="Write plain text, in strings and comments too.")
    return None


# The contract: reward(s, a) and potential(s) return dicts of named terms ----------------------------------------------


def _contract_faults(tree: ast.Module) -> list[Fault]:
    functions = [statement for statement in tree.body if isinstance(statement, ast.FunctionDef)]
    faults = [*_missing_faults(functions), *_recursion_faults(functions)]
    for function in functions:
        if function.name in _SIGNATURES:
            faults += [*_signature_faults(function), *_return_faults(function)]
        else:
            faults += [fault for display in _returned_displays(function) for fault in _display_faults(display)]
    return faults


def _returned_displays(function: ast.FunctionDef) -> list[ast.Dict]:
    returns = [node for node in ast.walk(function) if isinstance(node, ast.Return)]
    return [node.value for node in returns if isinstance(node.value, ast.Dict)]


def _missing_faults(functions: list[ast.FunctionDef]) -> list[Fault]:
    names = [function.name for function in functions]
    if "reward" not in names:
        hint = f"Rename {names[-1]} to reward." if names else "Define reward(s, a)."
        return [Fault(line=0, message="the file defines no function reward(s, a).", hint=hint)]
    return [
        _at(function, f"{function.name} is defined twice.", "Keep one.")
        for place, function in enumerate(functions)
        if function.name in names[:place]
    ]


def _recursion_faults(functions: list[ast.FunctionDef]) -> list[Fault]:
    names = {function.name for function in functions}
    uses = {
        function.name: {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and n.id in names} for function in functions
    }
    try:
        graphlib.TopologicalSorter(uses).prepare()
    except graphlib.CycleError as error:
        circle = " -> ".join(error.args[1])
        line = next(function.lineno for function in functions if function.name == error.args[1][0])
        message = f"functions call each other in a circle: {circle}."
        return [Fault(line=line, message=message, hint="Leave recursion out.")]
    return []


def _signature_faults(function: ast.FunctionDef) -> list[Fault]:
    expected = _SIGNATURES[function.name]
    plain = not function.args.defaults and not function.args.kwonlyargs
    if plain and tuple(arg.arg for arg in parameters(function)) == expected:
        return []
    wanted = f"{function.name}({', '.join(expected)})"
    given = f"{function.name}({ast.unparse(function.args)[:80]})"
    hint = "The names are fixed: s is the state after the action, a is the action."
    return [_at(function, f"the signature is {given}; it must be {wanted}.", hint)]


def _return_faults(function: ast.FunctionDef) -> list[Fault]:
    faults = [] if _always_returns(function.body) else [_no_return(function)]
    values = _single_values(function)
    for node in ast.walk(function):
        if isinstance(node, ast.Return):
            returned = node.value
            if isinstance(returned, ast.Dict) and not returned.keys:
                faults.append(_at(node, f"{function.name} returns no terms.", _DICT_HINT))
            if isinstance(returned, ast.Name):
                returned = values.get(returned.id, returned)
            faults += _returned_faults(node, function.name, returned)
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            faults += _key_faults(node.slice)
    return faults


def _no_return(function: ast.FunctionDef) -> Fault:
    return _at(function, f"{function.name} does not return on every path.", _DICT_HINT)


def _always_returns(body: list[ast.stmt]) -> bool:
    last = body[-1]
    if isinstance(last, ast.If):
        return bool(last.orelse) and _always_returns(last.body) and _always_returns(last.orelse)
    return isinstance(last, ast.Return)


def _single_values(function: ast.FunctionDef) -> dict[str, ast.expr]:
    """Return what each name stands for, where it is bound in one place only, by an assignment."""
    stores = Counter(n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    values: dict[str, ast.expr] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and stores[target.id] == 1:
                values[target.id] = node.value
    return values


def _returned_faults(statement: ast.Return, name: str, returned: ast.expr | None) -> list[Fault]:
    if isinstance(returned, ast.IfExp):
        branches = (returned.body, returned.orelse)
        return [fault for branch in branches for fault in _returned_faults(statement, name, branch)]
    if not _may_be_dict(returned):
        return [_at(statement, f"{name} does not return a dict of terms here.", _DICT_HINT)]
    if isinstance(returned, ast.Dict):
        return _display_faults(returned)
    if isinstance(returned, ast.Call):
        return [fault for word in returned.keywords if word.arg for fault in _key_faults(_as_key(word, word.arg))]
    return []


def _may_be_dict(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Call):
        called = dotted(node.func)
        return called is not None and (called == "dict" or called.endswith(".copy") or _is_own_function(called))
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.BitOr)
    return isinstance(node, ast.Dict | ast.DictComp | ast.Name)


def _is_own_function(called: str) -> bool:
    return "." not in called and called not in BUILTINS


def _display_faults(display: ast.Dict) -> list[Fault]:
    faults: list[Fault] = []
    seen: set[object] = set()
    for key, value in zip(display.keys, display.values, strict=True):
        if key is None:
            continue
        faults += _key_faults(key)
        if isinstance(key, ast.Constant) and not isinstance(key.value, str):
            faults.append(_at(key, f"the term's name {key.value!r} is not a string.", _DICT_HINT))
        if isinstance(key, ast.Constant) and key.value in seen:
            faults.append(_at(key, f"the term {key.value!r} is there twice.", "Name each term once."))
        seen.add(key.value if isinstance(key, ast.Constant) else key)
        if isinstance(value, ast.Constant):
            hint = "Write torch.full_like(s.episode_time_s, <number>): a term is a tensor (num_envs,)."
            faults.append(_at(value, f"a term is the plain value {value.value!r}.", hint))
    return faults


def _key_faults(key: ast.expr) -> list[Fault]:
    """Judge a term's name where it is written out; computed names are the harness's to judge."""
    if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
        return []
    name = key.value
    if name == "total":
        return [_at(key, "there is a term 'total'.", "Leave it out: the harness sums the terms.")]
    if not name.isidentifier() or len(name) > MAX_NAME_CHARACTERS:
        hint = f"Use letters, digits and _, at most {MAX_NAME_CHARACTERS}, such as run_backward."
        return [_at(key, f"{name[:80]!r} is not a term's name.", hint)]
    return []


def _at(node: ast.expr | ast.stmt, message: str, hint: str) -> Fault:
    return Fault(line=node.lineno, message=message, hint=hint)


def _as_key(word: ast.keyword, name: str) -> ast.expr:
    return ast.copy_location(ast.Constant(name), word)
