"""`designer export`: a folder that stands without us: the reward, its gymnasium environment, the policy, a test, a card."""

from __future__ import annotations

import argparse
import shutil
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from designer import __version__
from designer.archive import Archive
from designer.errors import InputError, did_you_mean
from designer.files import disk_error, write_atomically
from designer.opinions import approval_of, evidence_hash, read_opinions
from designer.records import Saying, Trial
from designer.review.verdict import sentences, verdict_of
from designer.runs import Run, open_run
from designer.text import one_line
from designer.workbench import POLICY

TEMPLATES = Path(__file__).resolve().parent / "export_templates"
FILES = {
    "environment.py": "environment.py.j2",
    "policy.py": "policy.py.j2",
    "test_export.py": "export_test.py.j2",
    "README.md": "README.md.j2",
}
"""What is written -> the template, which isn't named like a test of this package."""
CODE = ("envs", "user_world")


def export(asked: argparse.Namespace) -> None:
    """Write the folder and print where it is."""
    run = open_run(asked.run)
    print(export_to(asked.to or run.folder / "export", run, asked.candidate, asked.unapproved))


def export_to(folder: Path, run: Run, candidate: str | None = None, unapproved: bool = False) -> Path:
    """Export a candidate, by default the winner. Raises InputError where there is none, no policy, or nobody who approved
    it and `unapproved` isn't said; DiskError.
    """
    archive = run.archive()
    name = candidate or (archive.finished.winner if archive.finished else None)
    if name is None or name not in archive.candidates:
        hint = (
            did_you_mean(candidate, archive.candidates) if candidate else " Name a candidate: `designer show RUN` lists them."
        )
        raise InputError(f"{run.folder} has no {f'candidate {candidate!r}' if candidate else 'winner yet'}.{hint}")
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty. Name a new folder with --to.")
    trial = _median(archive, name)
    if trial is None:
        raise InputError(f"{name} has no policy: no training of it ended well.")
    approval = approval_of(read_opinions(run.folder), name, archive.candidates[name].source_hash)
    if approval is None and not unapproved:
        raise InputError(
            f"nobody approved {name} as it is. Look at it and approve it at the desk (`designer review`) or with "
            f"`designer approve {run.folder} {name}`, or export it as unapproved with --unapproved."
        )
    try:
        _write(folder, run, archive, name, trial, approval)
    except OSError as error:
        raise disk_error(folder, error) from error
    return folder


def _median(archive: Archive, name: str) -> Trial | None:
    """Return the trial of the median final score; without finals, of the search."""
    trials = [trial for purpose in ("final", "search") for trial in archive.trials_of(name, purpose) if trial.is_whole]
    ended = [trial for trial in trials if trial.result]
    same = [trial for trial in ended if trial.purpose == ended[0].purpose]
    return sorted(same, key=lambda trial: trial.scores[-1].fitness)[len(same) // 2] if same else None


def _approved(approval: Saying | None, archive: Archive) -> str:
    """Say who approved what and when, for the card, and whether another training has ended since."""
    if approval is None:
        return "by nobody: exported as unapproved"
    when = datetime.fromtimestamp(approval.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    since = "" if approval.evidence_hash == evidence_hash(archive, approval.name) else "; more was trained since"
    said = f'; "{one_line(approval.text, 200)}"' if approval.text else ""
    told = (
        f"by {one_line(approval.by, 40)}, {when}, code {approval.source_hash}, evidence {approval.evidence_hash}{since}{said}"
    )
    return told.replace("|", "\\|")


def _write(folder: Path, run: Run, archive: Archive, name: str, trial: Trial, approval: Saying | None) -> None:
    together = [t.seed for t in archive.trials_of(name, trial.purpose) if t.folder == trial.folder]
    chosen = archive.candidates[name]
    score = f"fitness {trial.scores[-1].fitness:.3g} {run.task.fitness_unit}".strip()
    facts = {
        "world": run.table.world,
        "gamma": run.config.training.gamma,
        "policy": together.index(trial.seed),
        "title": one_line(run.task.text, 200),
        "sentences": sentences(verdict_of(run, archive)),
        "steps": f"{trial.steps:,}",
        "fitness": one_line(str(run.task.fitness), 200).replace("|", "\\|"),
        "candidate": name,
        "author": one_line(chosen.proposer, 80),
        "score": score,
        "approved": _approved(approval, archive),
        "seed": trial.seed,
        "version": __version__,
        "more": ""
        if run.config.worker.environment == "native"
        else f" (in an environment like {run.config.worker.environment!r})",
    }
    pages = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, keep_trailing_newline=True)
    for file in FILES:
        write_atomically(folder / file, pages.get_template(FILES[file]).render(facts))
    write_atomically(folder / "reward.py", chosen.source)
    shutil.copyfile(run.folder / trial.folder / "train" / POLICY, folder / POLICY)
    for part in CODE:
        if (run.code / part).is_dir():
            shutil.copytree(run.code / part, folder / "world" / part, ignore=shutil.ignore_patterns("__pycache__"))
