"""Read the worker's side of the contract without importing it: the host's Python has no torch."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]


def schema(name: str) -> dict[str, Any]:
    """Return `sandbox/<name>.schema.json`."""
    return json.loads((ROOT / "sandbox" / f"{name}.schema.json").read_text())


def validator(name: str, part: str = "") -> Draft202012Validator:
    """Return a validator of a whole schema, or of one of its `$defs`."""
    whole = schema(name)
    if not part:
        return Draft202012Validator(whole)
    return Draft202012Validator({"$ref": f"#/$defs/{part}", "$defs": whole["$defs"]})


def annotated_names(file: str, class_name: str) -> list[str]:
    """Return the names of a dataclass's fields."""
    (body,) = (node.body for node in _parsed(file) if isinstance(node, ast.ClassDef) and node.name == class_name)
    return [node.target.id for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]


def constant(file: str, name: str) -> Any:
    """Return a literal that a module assigns to `name`."""
    for node in _parsed(file):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"{file} assigns no {name}")


def _parsed(file: str) -> Iterator[ast.stmt]:
    yield from ast.parse((ROOT / file).read_text()).body
