"""What a person tells a run on the command line: `say`, `add`, `approve`, `reject`; and `clips`, to see more of it."""

from __future__ import annotations

import argparse

from designer import opinions
from designer.assemble import executor_for
from designer.errors import InputError, did_you_mean
from designer.filming import film_candidates
from designer.runs import open_run


def say(asked: argparse.Namespace) -> None:
    """Leave a note for a run."""
    opinions.say(open_run(asked.run), asked.text)
    print("It enters the next round's prompts, as data.")


def add(asked: argparse.Namespace) -> None:
    """Hand in a reward for a run."""
    opinions.add(open_run(asked.run), asked.file)
    print("It is a candidate of the next round, checked, trained and judged like any other.")


def approve(asked: argparse.Namespace) -> None:
    """Approve a candidate as it is now."""
    said = opinions.approve(open_run(asked.run), asked.candidate, asked.by or opinions.account(), asked.text)
    print(f"{said.by} approves {said.name}, code {said.source_hash}, evidence {said.evidence_hash}.")


def reject(asked: argparse.Namespace) -> None:
    """Reject a candidate."""
    opinions.reject(open_run(asked.run), asked.candidate, asked.text, asked.by or opinions.account())
    print("The reason enters the next round's prompts.")


def clips(asked: argparse.Namespace) -> None:
    """Film candidates that were trained and have no clip yet: those that are named, or all of them."""
    run = open_run(asked.run)
    archive = run.archive()
    unknown = [name for name in asked.candidates if name not in archive.candidates]
    if unknown:
        raise InputError(f"{run.folder} has no candidate {unknown[0]!r}.{did_you_mean(unknown[0], archive.candidates)}")
    names = asked.candidates or [c.id for c in archive.candidates.values() if archive.trials_of(c.id, "search")]
    for name, problem in film_candidates(run, executor_for(run), names):
        print(f"{name}: {problem or 'filmed'}", flush=True)
