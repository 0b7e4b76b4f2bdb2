"""Render the prompts: templates from a folder; what models, people and worlds wrote is only ever a variable."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound, TemplateSyntaxError

from designer.errors import ConfigError
from designer.records import digest
from designer.text import one_line, printable

BLOCK_CHARS = 20_000
LINE_CHARS = 300


class Prompts:
    """The templates of one folder.

    Filters for templates:
        fenced(language, cap)   a block that its text can't close, capped
        inline(cap)             one line of code quotes that its text can't close, capped
        plain(cap)              one line without control characters or backticks, capped: for names and units
        numbered                a source with line numbers
        number                  a number with four significant digits
        mean                    of a list of numbers
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = Environment(  # no autoescape: the output is Markdown for a model, not HTML
            loader=FileSystemLoader(folder),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
        )
        self._environment.filters.update(fenced=fenced, inline=inline, plain=plain, numbered=numbered, number=number, mean=mean)

    @cached_property
    def version(self) -> str:
        """Return a hash of all templates: what a call was made from, whichever of them it used."""
        texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(self._folder.glob("*.j2"))}
        return digest(texts)

    def stamp(self, template: str) -> str:
        """Name a template and the version of the folder, as it is stored with every call."""
        return f"{template}@{self.version}"

    def render(self, template: str, **variables: object) -> str:
        """Fill in a template. Raises ConfigError where the folder's template is missing or broken."""
        try:
            return self._environment.get_template(template).render(variables).strip() + "\n"
        except TemplateNotFound as error:
            raise ConfigError(f"no prompt {error} in {self._folder}. Restore it, or name another folder.") from None
        except TemplateSyntaxError as error:
            where = self._folder / (error.name or template)
            raise ConfigError(f"{where}, line {error.lineno}: {error.message}") from None
        except TemplateError as error:
            raise ConfigError(f"{self._folder / template}: {error}. A template sees only what is passed to it.") from None


def fenced(text: str, language: str = "", cap: int = BLOCK_CHARS) -> str:
    """Put a text into a fenced block; the fence is longer than any run of backticks in it."""
    body = printable(text, cap).strip("\n")
    fence = "`" * max(3, _longest_backticks(body) + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def inline(text: object, cap: int = LINE_CHARS) -> str:
    """Put a text on one line, in code quotes longer than any run of backticks in it."""
    body = one_line(str(text), cap)
    quote = "`" * (_longest_backticks(body) + 1)
    space = " " if "`" in body else ""
    return f"{quote}{space}{body}{space}{quote}" if body else "(nothing)"


def plain(text: object, cap: int = LINE_CHARS) -> str:
    """Put a text on one line that can open no quote or block."""
    return one_line(str(text), cap).replace("`", "'")


def numbered(source: str) -> str:
    """Put a number before each line of a source, from 1."""
    lines = source.rstrip("\n").split("\n")
    width = len(str(len(lines)))
    return "\n".join(f"{index:>{width}} | {line}".rstrip() for index, line in enumerate(lines, start=1))


def number(value: float) -> str:
    """Write a number with four significant digits."""
    return f"{value:.4g}"


def mean(values: Iterable[float]) -> float:
    """Return the mean of at least one number."""
    listed = list(values)
    return sum(listed) / len(listed)


def _longest_backticks(text: str) -> int:
    return max((len(list(run)) for char, run in groupby(text) if char == "`"), default=0)
