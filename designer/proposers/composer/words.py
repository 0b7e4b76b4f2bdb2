"""Cut English into tokens and clauses, and compare words by their plain forms."""

from __future__ import annotations

import re
from collections.abc import Iterable

_TOKEN = re.compile(r"(?<![a-z0-9])[+-][xyz]\b|[a-z]+|\d+(?:\.\d+)?|[,.;:!?]")
BREAKS = frozenset(",.;:!?")
_FILLERS = frozenset({"a", "an", "the", "its", "his", "her", "their", "your", "my", "our", "it"})


def tokens(text: str) -> list[str]:
    """Return lower-case words, numbers, axes such as "+x", and punctuation, in order; "don't" gives "do", "not"."""
    plain = text.lower().replace("’", "'").replace("n't", " not")
    return _TOKEN.findall(plain.replace("r-clockwise", "rclockwise").replace("i-clockwise", "iclockwise"))


def content_tokens(text: str) -> list[str]:
    """Return the tokens without articles and possessives, so that "on its back" and "on the back" are equal."""
    return [token for token in tokens(text) if token not in _FILLERS]


def clauses(text: str) -> list[list[str]]:
    """Return the tokens between punctuation marks."""
    found: list[list[str]] = [[]]
    for token in tokens(text):
        if token in BREAKS:
            found.append([])
        else:
            found[-1].append(token)
    return [clause for clause in found if clause]


def plain_forms(word: str) -> frozenset[str]:
    """Return the word and what it may be an inflection of: "running" -> {"running", "runn", "runne", "run"}."""
    forms = {word}
    for suffix in ("s", "es", "ing", "ed"):
        stem = word.removesuffix(suffix)
        if stem != word and len(stem) >= 2:
            forms |= {stem, stem + "e"}
            if stem[-1] == stem[-2]:
                forms.add(stem[:-1])
    return frozenset(forms)


def name_words(name: str) -> frozenset[str]:
    """Return the words of an identifier: "gripper_to_cube" -> {"gripper", "to", "cube"}."""
    return frozenset(word for token in tokens(name.replace("_", " ")) for word in plain_forms(token))


def shared_words(name: str, words: Iterable[str]) -> int:
    """Count the words of a sentence that an identifier contains, small words left out."""
    small = {"to", "of", "is", "in", "on", "at", "and", "the", "distance"}
    return len({word for word in words if plain_forms(word) & name_words(name)} - small)


def identifier(text: str) -> str:
    """Return the text as a Python name: "front thigh" -> "front_thigh"."""
    return "_".join(re.findall(r"[a-z0-9]+", text.lower())) or "part"
