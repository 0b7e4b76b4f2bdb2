"""Measures as a job brings them, for the tests of training and scoring."""

from typing import Any

from envs import worlds


def expression(tree: Any) -> dict[str, Any]:
    return {"kind": "expression", "tree": tree}


def field(name: str, *index: int) -> dict[str, Any]:
    return {"op": "field", "name": name, "index": list(index)}


def function(source: str, name: str = "fitness") -> dict[str, Any]:
    return {"kind": "function", "file": "fitness.py", "name": name, "source": source}


def shipped(world: str, name: str) -> dict[str, Any]:
    """A function of a world's own fitness.py."""
    return function((worlds.folder(world) / "fitness.py").read_text(), name)
