"""`designer simplify`, `tune` and `ablate`: runs of their own around a reward of another run, and what they found in words."""

from __future__ import annotations

import argparse
from datetime import datetime

from rich.console import Console
from rich.text import Text

from designer import terminal
from designer.archive import Archive
from designer.assemble import executor_for
from designer.commands import carry_out
from designer.config import load
from designer.errors import ConfigError, InputError, did_you_mean
from designer.files import write_atomically
from designer.replaying import made_again, replay_config
from designer.runs import GIVEN_FILE, Run, open_run
from designer.sandboxes import require_consent
from designer.search.revision import GIVEN
from designer.statistics import Interval, paired_difference, reading
from designer.terms import term_names

COMPOSER = {"llm.provider": "composer"}
OWN = ("search.rule", "llm.provider", "llm.model")
"""Settings that these commands choose themselves."""


def simplify(asked: argparse.Namespace) -> None:
    """Drop terms of a reward while its fitness holds."""
    run = revise(asked, "Simplify")
    archive = run.archive()
    kept = archive.finished.winner if archive.finished else None
    if kept:
        before, after = (term_names(archive.candidates[name].source) for name in (GIVEN, kept))
        gone = [name for name in before if name not in after]
        told = f"without {', '.join(gone)} the fitness holds" if gone else "no term can go without a loss"
        _say(
            f"{len(before)} terms before, {len(after)} now: {told}. On final seeds, now less before: {_finals(archive, kept)}."
        )


def tune(asked: argparse.Namespace) -> None:
    """Change the numbers of a reward, nothing else, and keep what is best."""
    run = revise(asked, "Tune")
    archive = run.archive()
    kept = archive.finished.winner if archive.finished else None
    if kept:
        _say(f"Tuned less given, on final seeds: {_finals(archive, kept)}.")


def ablate(asked: argparse.Namespace) -> None:
    """Say what a term, the language model or the critic bought."""
    _refuse_own(asked)
    if asked.of == "terms":
        _tell_terms(revise(asked, "Ablate"))
        return
    original = open_run(asked.run)
    ours = original.archive()
    winner = ours.finished.winner if ours.finished else None
    if winner is None or original.config.llm.provider == "composer":
        raise InputError(f"{asked.run} is no finished run of a language model with a winner: there is nothing to leave out.")
    again = _without(original, asked)
    theirs = again.archive()
    other = theirs.finished.winner if theirs.finished else None
    ends = [_by_seed(archive, name) for archive, name in ((ours, winner), (theirs, other)) if name]
    difference = paired_difference(ends[0], ends[1]) if len(ends) == 2 else None
    _say(f"With the {asked.of} less without it, on final seeds: {_told(difference)}. One run each: an observation, no effect.")


def revise(asked: argparse.Namespace, rule: str) -> Run:
    """Make a run around a candidate of another run, and carry it out. Raises InputError."""
    _refuse_own(asked)
    original = open_run(asked.run)
    archive = original.archive()
    name = asked.candidate or (archive.finished.winner if archive.finished else None)
    if name is None or name not in archive.candidates:
        hint = did_you_mean(asked.candidate, archive.candidates) if asked.candidate else " Name a candidate of it."
        raise InputError(f"{asked.run} has no {f'candidate {asked.candidate!r}' if asked.candidate else 'winner yet'}.{hint}")
    source = archive.candidates[name].source
    if rule != "Tune" and len(term_names(source)) < 2:
        raise InputError(f"{name} returns no dict of two or more named terms that could be left out one by one.")
    screen = {"search.screen": "false"} if rule == "Ablate" else {}  # what a guard would keep out is what is to be measured
    flags = {**screen, **asked.settings, **COMPOSER, "search.rule": f"designer.search.revision:{rule}"}
    config = load(original.folder / "config.toml", flags)
    require_consent(config, asked.unsafe)
    run = made_again(original, config, asked.runs, datetime.now())
    write_atomically(run.folder / GIVEN_FILE, source)
    carry_out(run, executor_for(run), terminal.console())
    return run


def _refuse_own(asked: argparse.Namespace) -> None:
    """Refuse settings that would be passed over in silence. Raises ConfigError."""
    for name in OWN:
        if name in asked.settings:
            raise ConfigError(f"{name} = {asked.settings[name]}: this command chooses it itself. Leave it out.")


def _without(original: Run, asked: argparse.Namespace) -> Run:
    """Run again without the model (the composer proposes), or with its stored replies and without the critic."""
    config = (
        load(original.folder / "config.toml", {**asked.settings, **COMPOSER})
        if asked.of == "model"
        else replay_config(original, {**asked.settings, "llm.critic": "0"})
    )
    require_consent(config, asked.unsafe)
    again = made_again(original, config, asked.runs, datetime.now())
    carry_out(again, executor_for(again), terminal.console())
    return again


def _tell_terms(run: Run) -> None:
    archive = run.archive()
    whole = {trial.seed: trial.result.fitness for trial in archive.trials_of(GIVEN, "search") if trial.result}
    _say("What each term buys: the fitness with all terms less that without it, on the same seeds.")
    for candidate, name in zip(archive.in_round(2), term_names(archive.candidates[GIVEN].source), strict=False):
        if kept_out := archive.kept_out(candidate.id):  # where the user has it screened all the same
            same = archive.duplicate_of(candidate.id)
            _say(f"  {name}: {'nothing that could be told apart' if same else 'not measured'} ({kept_out})")
            continue
        left = {trial.seed: trial.result.fitness for trial in archive.trials_of(candidate.id, "search") if trial.result}
        _say(f"  {name}: {_told(paired_difference(whole, left))}")


def _finals(archive: Archive, kept: str) -> str:
    return _told(paired_difference(_by_seed(archive, kept), _by_seed(archive, GIVEN))) if kept != GIVEN else "the same reward"


def _by_seed(archive: Archive, name: str) -> dict[int, float]:
    return {trial.seed: trial.result.fitness for trial in archive.trials_of(name, "final") if trial.result}


def _told(difference: Interval | None) -> str:
    if difference is None:
        return "not separable (fewer than two seeds in common)"
    return f"{difference.mean:+.3g} (95 % {difference.low:.3g} to {difference.high:.3g}), {reading(difference)}"


def _say(sentence: str) -> None:
    console: Console = terminal.console()
    console.print(Text(sentence), soft_wrap=True)
