"""Read a language model's reply as reward code: CommonMark finds the blocks, `ast` says what they are."""

from __future__ import annotations

import ast
import json
import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from markdown_it import MarkdownIt

from designer.proposers import Draft
from designer.records import Fault
from designer.syntax import Unreadable, parse
from designer.text import one_line

FUNCTION = "reward"
MAX_PROSE_CHARS = 600
MAX_REPLY_CHARS = 200_000
PYTHON = ("python", "py", "python3")
THOUGHT_TAGS = ("think", "thinking")
ONE_BLOCK = "Answer with one ```python block that holds the whole file."


class Block(NamedTuple):
    """A piece of a reply that may be code. `language` is the fence's first word, in lower case; "" where none."""

    text: str
    language: str = ""


class Prose(NamedTuple):
    """What the reply says about its own code."""

    why: str = ""
    expects: str = ""


def parse_reply(text: str, finish_reason: str = "stop") -> Draft:
    """Return the reward in a reply, or a draft whose faults say why there is none. Never raises on any text."""
    if finish_reason == "length":
        return _refused("the reply was cut off at the model's length limit.", "Think less and write a shorter file.")
    if len(text) > MAX_REPLY_CHARS:
        return _refused(f"the reply has {len(text)} characters; at most {MAX_REPLY_CHARS} are read.", ONE_BLOCK)
    reply = without_thoughts(clean(text)).strip("\n")
    if not reply.strip():
        return _refused("the reply holds nothing but thoughts." if text.strip() else "the reply is empty.", ONE_BLOCK)
    wrapped = json_fields(reply)
    if wrapped is not None:
        return _draft([block for value in wrapped.values() for block in _in_json(value)], _json_prose(wrapped))
    blocks, outside = split_blocks(reply)
    prose = _prose(outside)
    if not blocks:
        return _draft([Block(_without_prose(reply))], prose, fenced=False)
    return _draft([inner for block in blocks for inner in _opened(block)], prose)


# From blocks to a draft ---------------------------------------------------------------------------------------------


def _draft(blocks: list[Block], prose: Prose, fenced: bool = True) -> Draft:
    """Choose the last block that defines the reward; else say what is wrong with the likeliest one."""
    if not blocks:
        return _refused("the reply holds no code.", ONE_BLOCK, prose)
    trees = [(block, parse(block.text, "exec")) for block in blocks]
    for block, tree in reversed(trees):
        if _defines(block, tree):
            return Draft(source=_file(block.text), faults=_faults(block, tree), why=prose.why, expects=prose.expects)
    if not fenced:
        return _refused(f"the reply holds no code block and is not Python that defines {FUNCTION}.", ONE_BLOCK, prose)
    likeliest = next((pair for pair in reversed(trees) if pair[0].language in PYTHON), trees[-1])
    faults = _faults(*likeliest)
    return Draft(source=_file(likeliest[0].text), faults=faults, why=prose.why, expects=prose.expects)


def _defines(block: Block, tree: ast.AST | Unreadable) -> bool:
    """Say whether a block defines the reward. A block that doesn't parse counts by its text, so that a broken last
    block is never passed over for an older reward quoted above it."""
    if isinstance(tree, Unreadable):
        return block.language in ("", *PYTHON) and f"def {FUNCTION}(" in block.text
    return any(function.name == FUNCTION for function in _top_level(tree))


def _faults(block: Block, tree: ast.AST | Unreadable) -> tuple[Fault, ...]:
    if isinstance(tree, Unreadable):
        hint = "Send the whole file, not a diff." if block.language == "diff" else ""
        return (Fault(line=tree.line, message=tree.message, hint=hint),)
    return () if _defines(block, tree) else (_misnamed(tree),)


def _misnamed(tree: ast.AST) -> Fault:
    """Say where the reward probably is, when no top-level function has its name."""
    signature = f"def {FUNCTION}(s, a)"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == FUNCTION:
            return _fault(node, f"{FUNCTION} is defined inside something else.", f"Put {signature} at the top level.")
        if isinstance(node, ast.AsyncFunctionDef) and node.name == FUNCTION:
            return _fault(node, f"{FUNCTION} is an async function.", f"Write a plain {signature}.")
    functions = _top_level(tree)
    if not functions:
        return Fault(line=0, message=f"the code defines no function {FUNCTION}.", hint=f"Define {signature}.")
    last = functions[-1]
    names = ", ".join(function.name for function in functions)
    return _fault(last, f"no function is called {FUNCTION}; found: {names}.", f"Rename {last.name} to {FUNCTION}.")


def _fault(node: ast.FunctionDef | ast.AsyncFunctionDef, message: str, hint: str) -> Fault:
    return Fault(line=node.lineno, message=message, hint=hint)


def _top_level(tree: ast.AST) -> list[ast.FunctionDef]:
    body = tree.body if isinstance(tree, ast.Module) else []
    return [node for node in body if isinstance(node, ast.FunctionDef)]


def _refused(message: str, hint: str, prose: Prose = Prose()) -> Draft:  # noqa: B008 - frozen
    return Draft(source="", why=prose.why, expects=prose.expects, faults=(Fault(line=0, message=message, hint=hint),))


def _file(text: str) -> str:
    return text.strip("\n") + "\n"


# From a reply to blocks ---------------------------------------------------------------------------------------------


def clean(text: str) -> str:
    """Use \\n for every line end, and drop what no file can hold: byte-order marks and lone surrogates."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    return lines.encode("utf-8", "replace").decode("utf-8")


def without_thoughts(text: str) -> str:
    """Drop <think>…</think>, whether it was opened in the reply or (by a chat template) before it, closed or not."""
    for tag in THOUGHT_TAGS:
        opening, closing = f"<{tag}>", f"</{tag}>"
        while (start := _at_line_start(text, opening)) >= 0:
            text = text[:start] + text[start:].partition(closing)[2]
        text = text.rpartition(closing)[2]
    return text


def _at_line_start(text: str, word: str) -> int:
    """Return where `word` starts a line, or -1: in the middle of a line it may be code that speaks of it."""
    start = text.find(word)
    while start >= 0 and text[:start].rpartition("\n")[2].strip():
        start = text.find(word, start + 1)
    return start


def split_blocks(reply: str) -> tuple[list[Block], list[str]]:
    """Return the fenced blocks in order, and the lines outside them. Tags like <answer> open no block of their own here."""
    lines, blocks, inside = reply.split("\n"), [], set[int]()
    for token in MarkdownIt("commonmark").disable(["inline", "html_block"]).parse(reply):
        if token.type == "fence":
            blocks.append(Block(textwrap.dedent(token.content), (token.info.split() or [""])[0].lower()))
            inside.update(range(*(token.map or (0, 0))))
    return blocks, [line for number, line in enumerate(lines) if number not in inside]


def _opened(block: Block) -> Iterator[Block]:
    """Yield a block, or what is in it: some models wrap code in JSON, or the whole answer in one more fence."""
    fields = json_fields(block.text)
    if fields is not None:
        for value in fields.values():
            yield from _in_json(value)
    elif block.language in ("markdown", "md") and (inner := split_blocks(block.text)[0]):
        yield from inner
    else:
        yield block


def json_fields(text: str) -> dict[str, object] | None:
    """Return a JSON object's fields, or None where the text is no JSON object."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _in_json(value: object) -> list[Block]:
    """Return the code in a JSON string; a string without a def is prose."""
    if not isinstance(value, str) or "def " not in value:
        return []
    text = clean(value)
    return split_blocks(text)[0] or [Block(text, "python")]


def blocks_of(text: str) -> list[Block]:
    """Return a reply's fenced blocks, or the whole of it where it has none; thoughts are dropped."""
    reply = without_thoughts(clean(text))
    return split_blocks(reply)[0] or [Block(reply)]


# What it says about its code ----------------------------------------------------------------------------------------


def _prose(lines: list[str]) -> Prose:
    """Collect the paragraphs that start with `Why:` and `Expects:`; the last of each counts."""
    found: dict[str, list[str]] = {}
    paragraph: list[str] = []
    for line in lines:
        label, rest = _labelled(line)
        if label:
            paragraph = found[label] = [rest]
        elif line.strip():
            paragraph.append(line)
        else:
            paragraph = []
    return Prose(*(one_line(" ".join(found.get(label, ())), MAX_PROSE_CHARS) for label in Prose._fields))


def _labelled(line: str) -> tuple[str, str]:
    """Return ("why", the rest) for `Why: …`, `**Why:** …`, `- why: …`, and so on; ("", "") for other lines."""
    head, colon, rest = line.partition(":")
    label = head.strip(" \t*_#>-").lower()
    return (label, rest.strip(" \t*_")) if colon and label in Prose._fields else ("", "")


def _without_prose(reply: str) -> str:
    """Drop everything from the first labelled line on: a reply without a fence may still end with them."""
    lines = reply.split("\n")
    end = next((number for number, line in enumerate(lines) if _labelled(line)[0]), len(lines))
    return textwrap.dedent("\n".join(lines[:end]))


def _json_prose(fields: dict[str, object]) -> Prose:
    texts = {key.lower(): value for key, value in fields.items() if isinstance(value, str)}
    return Prose(*(one_line(clean(texts.get(label, "")), MAX_PROSE_CHARS) for label in Prose._fields))
