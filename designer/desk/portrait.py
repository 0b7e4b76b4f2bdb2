"""What the page of one candidate says, and what two of them differ in: data for templates, escaped and capped."""

from __future__ import annotations

from typing import NamedTuple

from markupsafe import Markup

from designer.archive import BASELINES, Archive
from designer.desk.films import Film, film_of
from designer.desk.shelf import Book
from designer.desk.worth import worth_of
from designer.display import clock
from designer.feedback.statistics import remarks_on
from designer.records import Candidate, Status, Trial
from designer.review import code, course, plots
from designer.review.exchanges import Exchange, exchanges_of
from designer.review.lineage import PROSE_CHARS, outcome
from designer.review.verdict import ordered, shown
from designer.text import one_line, printable

EXCHANGE_CHARS = 100_000


class SeedRow(NamedTuple):
    """A line of the table of trainings."""

    purpose: str
    seed: int
    outcome: str
    ended_well: bool
    success: str
    episode: str
    steps: str
    cpu: str


class Portrait(NamedTuple):
    """A candidate, as its page shows it. same_as: the earlier one that is the same reward, whose evidence it shares, or "".

    factors: what it reached in the search by the task's order of factors, or "".
    """

    id: str
    origin: str
    parents: tuple[str, ...]
    children: tuple[str, ...]
    proposer: str
    outcome: str
    ended_well: bool
    same_as: str
    is_winner: bool
    why: str
    expects: str
    factors: str
    lines: list[Markup]
    source_hash: str
    diff: Markup
    remarks: tuple[tuple[str, str], ...]
    criticism: tuple[str, ...]
    seeds: list[SeedRow]
    shares: Markup
    traces: Markup
    traced_seed: int | None
    course: Markup
    gates: list[str]
    film: Film | None
    exchanges: int


def portrait(book: Book, candidate: Candidate) -> Portrait:
    """Gather all that is known of a candidate."""
    archive = book.archive
    parent = archive.candidates.get(candidate.parents[0]) if candidate.parents else None
    trials = _trials(archive, candidate.id)
    told = next((trial for trial in trials if trial.traces), None)
    result, well = outcome(archive, candidate, scored=book.run.task.is_judged)
    verdict = archive.verdicts[candidate.id]
    return Portrait(
        id=candidate.id,
        origin=str(candidate.verb),
        parents=tuple(one_line(name, 20) for name in candidate.parents),
        children=tuple(c.id for c in archive.candidates.values() if candidate.id in c.parents),
        proposer=one_line(candidate.proposer, 80),
        outcome=result,
        ended_well=well,
        same_as=archive.duplicate_of(candidate.id),
        is_winner=bool(archive.finished and archive.finished.winner == candidate.id),
        why=printable(candidate.why, PROSE_CHARS),
        expects=printable(candidate.expects, PROSE_CHARS),
        factors=ordered(_factors(book, candidate.id)),
        lines=code.numbered_lines(candidate.source),
        source_hash=candidate.source_hash,
        diff=code.diff(parent.source, candidate.source, parent.id, candidate.id) if parent else Markup(),
        remarks=_remarks(archive, candidate.id),
        criticism=tuple(one_line(str(fault), 500) for fault in (*verdict.faults, *verdict.criticism)),
        seeds=[_seed_row(trial) for trial in trials],
        shares=plots.share_bars(told.traces if told else (), "shares"),
        traces=plots.term_traces(told.traces if told else (), "traces"),
        traced_seed=told.seed if told else None,
        course=course.drawn(course.course_of(trials)),
        gates=course.way(trials, told),
        film=film_of(book.run.folder, archive.original(candidate.id)),
        exchanges=len(exchanges_of(book.run.folder, candidate)),
    )


def _factors(book: Book, name: str) -> list[tuple[str, float]]:
    """Return the factors of the task's order with the candidate's means in the search; [] where it has none."""
    names = (factor.name for factor in book.run.task.order)
    return list(zip(names, book.archive.factors(name) or (), strict=False))


def _trials(archive: Archive, name: str) -> list[Trial]:
    return archive.trials_of(name, "final") + archive.trials_of(name, "search")


def _remarks(archive: Archive, name: str) -> tuple[tuple[str, str], ...]:
    """Return (source, text) of every remark, the reviewers' among them."""
    found = [*remarks_on(archive, [name])[name]]
    found += [remark for (_, about), review in archive.reviews.items() if about == name for remark in review.remarks]
    return tuple((one_line(remark.source, 30), printable(remark.text, 1000)) for remark in found)


def _seed_row(trial: Trial) -> SeedRow:
    result = trial.result
    stopped = "" if trial.is_whole else f" at {trial.until:.0%}"
    told = shown(result.fitness) + stopped if result else f"{trial.status.replace('_', ' ')}: {one_line(trial.error, 300)}"
    return SeedRow(
        purpose=trial.purpose,
        seed=trial.seed,
        outcome=told,
        ended_well=trial.status is Status.OK,
        success="–" if result is None or result.success is None else f"{result.success:.0%}",
        episode="–" if result is None else f"{result.episode_s:.3g} s",
        steps=f"{trial.steps:,}",
        cpu=clock(trial.train_cpu_s),
    )


def exchanges(book: Book, candidate: Candidate) -> list[Exchange]:
    """Return what was asked and answered, capped and printable."""
    return [
        Exchange(
            one_line(e.name, 80), tuple((one_line(role, 20), printable(words, EXCHANGE_CHARS)) for role, words in e.asked),
            one_line(e.model, 80), printable(e.reply, EXCHANGE_CHARS),
        )
        for e in exchanges_of(book.run.folder, candidate)
    ]  # fmt: skip


class Comparison(NamedTuple):
    """Candidates side by side. terms: (name, its share in each, or "–")."""

    ids: tuple[str, ...]
    portraits: tuple[Portrait, ...]
    scores: tuple[tuple[str, tuple[str, ...]], ...]
    terms: tuple[tuple[str, tuple[str, ...]], ...]
    diff: Markup


def compared(book: Book, chosen: list[Candidate]) -> Comparison:
    """Put candidates side by side; the code's difference is between the first two."""
    archive = book.archive
    shares = [dict(plots.term_shares(_traces(archive, archive.original(candidate.id)))) for candidate in chosen]
    names = sorted({name for share in shares for name in share})
    first, second = chosen[0], chosen[1] if len(chosen) > 1 else chosen[0]
    worth = worth_of(book)
    by_answers = ((worth.title.lower(), tuple(worth.told.get(c.id, "–") for c in chosen)),)
    by_fitness = (
        ("search fitness", tuple(_number(archive.search_scores(archive.original(c.id))) for c in chosen)),
        ("final fitness", tuple(_number(archive.final_scores(c.id)) for c in chosen)),
    )
    rows = (
        *(by_answers if worth.by_answers else by_fitness),
        *(
            (f"{factor.name}, by the order", tuple(_reached(book, c.id, factor.name) for c in chosen))
            for factor in book.run.task.order
        ),
    )
    return Comparison(
        ids=tuple(candidate.id for candidate in chosen),
        portraits=tuple(portrait(book, candidate) for candidate in chosen),
        scores=rows,
        terms=tuple(
            (one_line(name, 60), tuple(f"{share[name]:.0%}" if name in share else "–" for share in shares)) for name in names
        ),
        diff=code.diff(first.source, second.source, first.id, second.id),
    )


def _reached(book: Book, name: str, factor: str) -> str:
    value = dict(_factors(book, name)).get(factor)
    return "–" if value is None else shown(value)


def _traces(archive: Archive, name: str) -> tuple:  # type: ignore[type-arg]
    return next((trial.traces for trial in _trials(archive, name) if trial.traces), ())


def _number(values: list[float]) -> str:
    if not values:
        return "–"
    spread = f" ({shown(min(values))} to {shown(max(values))}, {len(values)} seeds)" if len(values) > 1 else ""
    return shown(sum(values) / len(values)) + spread


class Series(NamedTuple):
    """A line of a plot: one number or None for every x. Lines of one name share an entry of the legend."""

    name: str
    label: str
    role: str
    values: list[float | None]


def curves(book: Book, names: list[str]) -> dict[str, object]:
    """Return the fitness over training of these rewards, one line a training, on a common axis of environment steps."""
    trials = [(name, trial) for name in names for trial in _trials(book.archive, name) if trial.scores]
    points = [{score.fraction * trial.steps / trial.until: score.fitness for score in trial.scores} for _, trial in trials]
    steps = sorted({step for line in points for step in line})
    lines = [
        Series(
            BASELINES.get(name, name),
            f"{BASELINES.get(name, name)}, {trial.purpose} seed {trial.seed}",
            _role(name, names),
            [p.get(x) for x in steps],
        )
        for (name, trial), p in zip(trials, points, strict=True)
    ]
    return {"x": steps, "xLabel": "environment steps", "yLabel": _label(book), "series": [line._asdict() for line in lines]}


def progress(book: Book) -> dict[str, object]:
    """Return the best search score over the trainings that ended."""
    done = [entry for entry in book.progress if entry[1] is not None]
    name = "best search score so far, optimistic"
    line = Series(name, name, "accent", [best for _, best, _ in done])
    return {
        "steps": True,
        "x": [n for *_, n in done],
        "xLabel": "trainings",
        "yLabel": _label(book),
        "series": [line._asdict()],
    }


def _role(name: str, names: list[str]) -> str:
    if name in BASELINES:
        return name
    return ("accent", "second", "third", "fourth")[names.index(name) % 4]


def _label(book: Book) -> str:
    unit = one_line(book.run.task.fitness_unit, 30)
    return f"fitness [{unit}]" if unit else "fitness"
