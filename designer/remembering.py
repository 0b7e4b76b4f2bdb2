"""`designer library`: list what earlier runs left to learn from, add a winner, forget one."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.table import Table
from rich.text import Text

from designer import library, terminal
from designer.errors import InputError
from designer.runs import open_run
from designer.text import one_line


def library_command(asked: argparse.Namespace) -> None:
    """Do what was asked with the library."""
    root = library.library_root()
    if asked.verb == "list":
        _list(root)
    elif asked.what is None:
        raise InputError(f"`designer library {asked.verb}` needs {'a run folder' if asked.verb == 'add' else 'a name'}.")
    elif asked.verb == "add":
        added = library.add(root, open_run(Path(asked.what)), asked.candidate)
        print(f"{added.name}: {one_line(added.evidence)}. Runs with --library.examples 1 or more may be shown it.")
    else:
        library.remove(root, asked.what)
        print(f"{asked.what} is forgotten. Runs that were shown it keep their copy.")


def _list(root: Path) -> None:
    console = terminal.console()
    found = library.entries(root)
    if not found:
        console.print(Text(f"the library in {root} is empty. Add a winner: designer library add RUN"), soft_wrap=True)
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("name", "task", "world", "reached"):
        table.add_column(column, overflow="fold")
    for entry in found:
        table.add_row(*(Text(one_line(text, 100)) for text in (entry.name, entry.text, entry.world, entry.evidence)))
    console.print(table)
