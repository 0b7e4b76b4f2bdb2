"""What the ranking page asks and what the answers say: candidates without names or numbers, then strengths with intervals."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup

from designer.archive import Archive
from designer.desk.films import film_of
from designer.desk.shelf import Book
from designer.desk.words import standing
from designer.opinions import Opinion
from designer.preferences.asking import next_order, question
from designer.preferences.cycles import cycles
from designer.preferences.pairs import noise_of, pairs_of, rankings
from designer.preferences.reliability import kept_apart, sifted
from designer.preferences.strength import Strengths
from designer.records import Ranking
from designer.review import plots
from designer.review.svg import Scale, element, figure, line, text
from designer.review.verdict import shown
from designer.text import one_line

ORDERED_AT_ONCE = 4
WIDTH, ROW = 460, 26


class Question(NamedTuple):
    """What is asked: candidates in the order of the clips. mode: "pair" or "order"."""

    mode: str
    shown: tuple[str, ...]


class Standing(NamedTuple):
    """What all answers say together. order: (candidate, strength, half of its 95 % interval, search score)."""

    answers: int
    order: tuple[tuple[str, str, str, str], ...]
    plot: Markup
    cycles: tuple[str, ...]
    doubted: int
    raters: tuple[str, ...]
    apart: tuple[tuple[str, str], ...]


def filmed(book: Book) -> list[str]:
    """Return the candidates that can be shown: trained, with a clip."""
    trained = [name for name in book.archive.candidates if book.archive.trials_of(name, "search")]
    return [name for name in trained if film_of(book.run.folder, name)]


def ask(book: Book, rater: str, mode: str) -> Question | None:
    """Return the next question for a rater, or None where there is nothing to choose between."""
    names, answers = filmed(book), rankings(book.opinions)
    mine = [answer for answer in answers if answer.by == rater]
    seed = f"{book.name} {rater} {len(mine)}"
    if len(names) < 2:
        return None
    if mode == "order":
        return Question("order", next_order(names, pairs_of(answers), ORDERED_AT_ONCE, seed))
    asked = question(names, pairs_of(answers), len(mine), f"{book.name} {rater}")
    return Question("pair", asked) if asked else None


def last_answer(book: Book, rater: str) -> tuple[Opinion, str] | None:
    """Return a rater's last answer with what it said, the search scores now shown beside it."""
    mine = [saying for saying in standing(book.opinions) if saying.kind == "rank" and saying.by == rater]
    if not mine or mine[-1].ranking is None:
        return None
    return mine[-1], told(mine[-1].ranking, book.archive)


def told(ranking: Ranking, archive: Archive) -> str:
    """Say an answer in words."""
    if len(set(ranking.shown)) == 1:
        return "that was one clip twice; " + ("told apart" if len(set(ranking.places)) > 1 else "not told apart")
    names = [f"{one_line(name, 20)} ({_score(archive, name)})" for name in ranking.shown]
    if not ranking.places:
        return f"{' and '.join(names)}: can't be told"
    if ranking.bad:
        return f"{' and '.join(names)}: all bad"
    placed = sorted(zip(ranking.places, names, strict=True))
    words = [placed[0][1]]
    for (before, _), (place, name) in pairwise(placed):
        words.append(f"{'same as' if place == before else 'over'} {name}")
    return " ".join(words)


def _score(archive: Archive, name: str) -> str:
    score = archive.search_score(name)
    return "no score" if score is None else shown(score)


def noise_told(book: Book, rater: str) -> str:
    """Say what showing one clip twice told of a rater."""
    noise = noise_of(rankings(book.opinions), rater)
    if not noise.asked:
        return ""
    return f"{rater} was shown one clip twice {noise.asked} times and told it apart from itself {noise.told_apart} times."


def stand(book: Book) -> Standing:
    """Fold all answers: people's, and those of raters who answer in the run's journal only (a model, an order of factors)."""
    people = {saying.id for saying in book.opinions}
    answers = rankings([*book.opinions, *(taken for taken in book.archive.opinions if taken.id not in people)])
    pairs = [p for p in pairs_of(answers) if p.better in book.archive.candidates and p.worse in book.archive.candidates]
    names = sorted({name for pair in pairs for name in (pair.better, pair.worse)})
    found = sifted(names, pairs)
    order = tuple(
        (name, f"{found.strengths.of(name):+.2f}", f"{1.96 * found.strengths.sd(name):.2f}", _score(book.archive, name))
        for name in found.strengths.ordered()
    )
    return Standing(
        answers=len(answers),
        order=order,
        plot=strength_plot(found.strengths),
        cycles=tuple(" > ".join((*cycle, cycle[0])) for cycle in cycles(pairs)[:5]),
        doubted=len(found.doubted),
        raters=tuple(sorted({one_line(answer.by, 40) for answer in answers})),
        apart=tuple((one_line(one, 40), one_line(other, 40)) for one, other in kept_apart(pairs)),
    )


def strength_plot(found: Strengths) -> Markup:
    """Draw each candidate's strength with its 95 % interval, strongest first."""
    if not found.names:
        return plots.nothing("No comparison has been answered yet.")
    ends = [found.of(name) + way * 1.96 * found.sd(name) for name in found.names for way in (-1, 1)]
    x = Scale.over([0.0, *ends], 70, WIDTH - 14)
    bottom = ROW * len(found.names) + 8
    parts = [line(x(0), 4, x(0), bottom, "zero")]
    for place, name in enumerate(found.ordered()):
        y, value, half = 18 + ROW * place, found.of(name), 1.96 * found.sd(name)
        box = {"x": x(value - half), "y": y - 9.0, "width": x(value + half) - x(value - half), "height": 10.0}
        parts += [text(name, 2, y, "label"), element("rect", class_="interval winner", **box)]
        parts.append(element("circle", cx=x(value), cy=y - 4.0, r=4.0, class_="dot winner"))
    parts += [text(name, x(value), bottom + 16, "tick", "middle") for value, name in x.ticks()]
    told_ = "; ".join(f"{name} {found.of(name):+.2f}" for name in found.ordered())
    return figure("strengths", "Strength by all answers, in logits", told_, (WIDTH, bottom + 24), parts)
