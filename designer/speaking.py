"""`designer say` and `designer add`: a person takes part in a run that goes on."""

from __future__ import annotations

import argparse

from designer import opinions
from designer.runs import open_run


def say(asked: argparse.Namespace) -> None:
    """Leave a note for a run."""
    opinions.say(open_run(asked.run), asked.text)
    print("It enters the next round's prompts, as data.")


def add(asked: argparse.Namespace) -> None:
    """Hand in a reward for a run."""
    opinions.add(open_run(asked.run), asked.file)
    print("It is a candidate of the next round, checked, trained and judged like any other.")
