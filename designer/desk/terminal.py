"""`designer rank`: the desk's questions on a terminal, with the clips' paths to open in a player."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from designer import opinions
from designer.desk import ranking
from designer.desk.films import film_of
from designer.desk.shelf import Book, Shelf
from designer.desk.words import standing
from designer.errors import InputError
from designer.opinions import account
from designer.records import Ranking
from designer.runs import open_run

PLACES: dict[str, tuple[int, ...]] = {"a": (0, 1), "b": (1, 0), "s": (0, 0), "x": (0, 0), "t": ()}
HELP = "a, b: which is better   s: same   x: both bad   t: can't tell   u: take the last one back   q: enough"


def rank(asked: argparse.Namespace) -> None:
    """Ask until the person has had enough. Raises InputError where nothing can be shown."""
    run = open_run(asked.run)
    shelf, name = Shelf(run.folder), run.folder.resolve().name
    rater = asked.by or account()
    print(f"{run.task.text}\n{HELP}")
    answered = dialogue(lambda: shelf.open(name), rater, input, print)
    print("\n".join([f"{answered} answers.", *summary(shelf.open(name), rater)]))


def dialogue(look: Callable[[], Book], rater: str, ask: Callable[[str], str], say: Callable[[str], None]) -> int:
    """Ask pair after pair and write the answers down. Returns how many. Raises InputError, DiskError."""
    answered = 0
    while True:
        book = look()
        question = ranking.ask(book, rater, "pair")
        if question is None:
            raise InputError(f"fewer than two candidates have a clip. `designer clips {book.run.folder}` films them.")
        for letter, candidate in zip("AB", question.shown, strict=True):
            film = film_of(book.run.folder, candidate)
            say(f"  {letter}: {book.run.folder / film.path if film else Path('gone')}")
        try:
            word = ask("better? ").strip().lower()
        except EOFError:
            return answered
        if word == "q":
            return answered
        if word == "u":
            _take_back(book, rater, say)
        elif word in PLACES:
            answer = Ranking(shown=question.shown, places=PLACES[word], bad=word == "x")
            opinions.rank(book.run, answer, rater)
            answered += 1
            say(f"  {ranking.told(answer, book.archive)}")
        else:
            say(HELP)


def _take_back(book: Book, rater: str, say: Callable[[str], None]) -> None:
    mine = [saying for saying in standing(book.opinions) if saying.kind == "rank" and saying.by == rater]
    if mine:
        opinions.undo(book.run, mine[-1].id, rater)
    say("  taken back" if mine else "  nothing to take back")


def summary(book: Book, rater: str) -> list[str]:
    """Say what all answers say so far."""
    found = ranking.stand(book)
    told = [f"{name}  strength {strength} +- {half}, search score {score}" for name, strength, half, score in found.order]
    told += [f"a circle, which no order explains: {cycle}" for cycle in found.cycles]
    noise = ranking.noise_told(book, rater)
    return [*told, *([noise] if noise else [])]
