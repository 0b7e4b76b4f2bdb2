"""`designer show`: runs, one run, one candidate, on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from designer.archive import BASELINES, Archive
from designer.errors import DesignerError, InputError, did_you_mean
from designer.feedback.statistics import remarks_on
from designer.machine_slots import slots_folder
from designer.records import Candidate, Status
from designer.review.exchanges import exchanges_of
from designer.review.findings import costs_of
from designer.review.verdict import sentences, verdict_of
from designer.runs import Run, list_runs, open_run
from designer.standing import pulse_sentence, slot_lines, state_of
from designer.statistics import mean
from designer.text import one_line, printable

MOST_ROWS = 200
WIDE = 120
"""So many characters a line take a list's columns."""


def show_runs(parent: Path, console: Console) -> None:
    """List all runs in a folder with how they stand."""
    folders = list_runs(parent)
    if not folders:
        console.print(Text(f"no runs in {parent}. Start one: designer run half_cheetah_backward"))
        return
    rows = [_row(folder) for folder in folders]
    if console.width < WIDE:
        _print_blocks(rows, console)
    else:
        _print_rows(rows, console)
    for line in slot_lines(slots_folder()):
        console.print(Text(line), soft_wrap=True)


class Row(NamedTuple):
    """A run in the list: text, whatever the run holds."""

    run: str
    task: str = ""
    trainings: str = ""
    best: str = ""
    baselines: str = ""
    state: str = ""


def _row(folder: Path) -> Row:
    """Look up a run's task, number of trainings, best score, baselines and state; of a broken one, what is wrong with it."""
    try:
        run = open_run(folder)
        archive = run.archive()
    except DesignerError as error:
        return Row(str(folder), state=one_line(str(error)))
    best = archive.ranked()
    score = f"{archive.search_score(best[0].id):.3g} {run.task.fitness_unit}" if best else "-"
    trainings = str(costs_of(archive, 0.0).trainings)
    task = one_line(run.task.text, 50)
    return Row(str(folder), task, trainings, score, baselines_of(archive), state_of(run.folder, archive))


def _print_rows(rows: Sequence[Row], console: Console) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in Row._fields:
        table.add_column(column, overflow="fold", no_wrap=column == "run")  # a folder is to be copied
    for row in rows:
        table.add_row(*_cells(*row))
    console.print(table)


def _print_blocks(rows: Sequence[Row], console: Console) -> None:
    """Print a run below the other: side by side, a narrow terminal would have a word a line."""
    for row in rows:
        console.print(Text(row.run), soft_wrap=True)
        counted = f"{row.trainings} trainings, best {row.best}, baselines {row.baselines}" if row.trainings else ""
        for line in filter(None, (row.task, counted, row.state)):
            console.print(Padding(Text(line), (0, 0, 0, 2)))


def baselines_of(archive: Archive) -> str:
    """Say what the baselines reach: on the final seeds where they were trained on those, else on the search's."""
    found = {name: mean(archive.final_scores(name)) for name in BASELINES}
    known = {name: archive.search_score(name) if value is None else value for name, value in found.items()}
    return ", ".join(f"{name} {value:.3g}" for name, value in known.items() if value is not None) or "-"


def show_run(run: Run, console: Console) -> None:
    """Show a run: what was asked, what was tried, how it ended."""
    archive = run.archive()
    console.print(Text(f"{printable(run.task.text)}\n"), soft_wrap=True)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("candidate", "made by", "from", "status", f"search fitness {run.task.fitness_unit}", "why"):
        table.add_column(column, overflow="fold")
    listed = _listed(archive)
    for candidate in sorted(listed, key=lambda c: (c.round, c.sample)):
        score = archive.search_score(candidate.id)
        table.add_row(
            *_cells(
                candidate.id,
                candidate.verb,
                ", ".join(candidate.parents),
                status_of(archive, candidate),
                "-" if score is None else f"{score:.3g}",
                one_line(candidate.why, 90),
            )
        )
    console.print(table)
    if len(listed) < len(archive.candidates):
        left = len(archive.candidates) - len(listed)
        console.print(
            Text(f"The best {MOST_ROWS} are listed; {left} more: designer show {run.folder} CANDIDATE"), soft_wrap=True
        )
    console.print()
    for sentence in (pulse_sentence(run.folder, archive), *sentences(verdict_of(run, archive))):
        if sentence:
            console.print(Text(sentence), soft_wrap=True)


def _listed(archive: Archive) -> list[Candidate]:
    """Return all candidates, or the best by search score where they are too many to read."""
    if len(archive.candidates) <= MOST_ROWS:
        return list(archive.candidates.values())
    return archive.ranked()[:MOST_ROWS]


def _cells(*texts: str) -> list[Text]:
    """Return cells that no text can mark up: a bare string in a table would be read for markup."""
    return [Text(text) for text in texts]


def status_of(archive: Archive, candidate: Candidate) -> str:
    """Return how far a candidate came."""
    if archive.verdicts[candidate.id].status is not Status.OK:
        return str(archive.verdicts[candidate.id].status)
    trials = archive.trials_of(candidate.id, "search")
    if not trials and archive.original(candidate.id) != candidate.id:
        return f"the same as {archive.original(candidate.id)}"
    if not trials:
        return "kept out" if archive.kept_out(candidate.id) else "not trained"
    first = trials[0]
    return str(first.status) if first.is_whole or first.status is not Status.OK else f"stopped at {first.until:.0%}"


def show_candidate(run: Run, name: str, with_prompt: bool, console: Console) -> None:
    """Show a candidate: its code, what was found, and what the model was asked. Raises InputError."""
    archive = run.archive()
    if name not in archive.candidates:
        raise InputError(
            f"{run.folder} has no candidate {name!r}.{did_you_mean(name, archive.candidates)} "
            f"Candidates: {', '.join(archive.candidates) or 'none yet'}."
        )
    candidate = archive.candidates[name]
    console.print(Text(f"{name}: {candidate.verb} by {one_line(candidate.proposer)}, {status_of(archive, candidate)}"))
    console.print(Text(f"why: {printable(candidate.why)}\nexpects: {printable(candidate.expects)}\n"), soft_wrap=True)
    print_code(candidate.source, console)
    for remark in remarks_on(archive, [name])[name]:
        console.print(Text(f"- {printable(remark.text)}"), soft_wrap=True)
    for trial in archive.trials_of(name, "search") + archive.trials_of(name, "final"):
        curve = " ".join(f"{score.fitness:.3g}" for score in trial.scores) or str(trial.status)
        beside = f"; trained in one box with {', '.join(trial.together)}" if trial.together else ""
        console.print(Text(f"{trial.purpose} seed {trial.seed}: fitness over training {curve}{beside}"), soft_wrap=True)
    console.print(Text(f"baselines: {baselines_of(archive)}"), soft_wrap=True)
    if with_prompt:
        _show_exchanges(run, candidate, console)


def print_code(source: str, console: Console) -> None:
    """Print a reward: in colour on a terminal, as it is elsewhere. Long lines are wrapped, never cut."""
    safe = printable(source, 20_000)
    if console.is_terminal:
        console.print(Syntax(safe, "python", background_color="default", word_wrap=True))
    else:
        console.print(Text(safe), soft_wrap=True)


def _show_exchanges(run: Run, candidate: Candidate, console: Console) -> None:
    """Print every stored exchange of a candidate's slot."""
    exchanges = exchanges_of(run.folder, candidate)
    if not exchanges:
        console.print(Text("\nno model was asked for it"))
    for exchange in exchanges:
        console.rule(exchange.name)
        for role, words in exchange.asked:
            console.print(Text(f"[{role}]\n{printable(words, 100_000)}"), soft_wrap=True)
        console.print(Text(f"[reply of {one_line(exchange.model)}]\n{printable(exchange.reply, 100_000)}"))
