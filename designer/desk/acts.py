"""What a person does at the desk: say, rank, take back, edit, approve, reject. Each appends to the run's opinions.jsonl."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from designer import opinions
from designer.check import check
from designer.desk import ranking
from designer.desk.pages import Desk, chosen, desk_of
from designer.desk.shelf import Book
from designer.desk.words import all_words, standing
from designer.errors import DesignerError
from designer.records import About, Ranking
from designer.text import one_line

MAX_BODY_BYTES = 256 * 1024
NUMBER = re.compile(r"\d{1,6}(\.\d{1,3})?")
ANSWERS = {"first": (0, 1), "second": (1, 0), "same": (0, 0), "bad": (0, 0), "unsure": ()}


class Form(NamedTuple):
    """What was sent with a POST: every value of every field."""

    fields: dict[str, list[str]]

    def one(self, name: str) -> str:
        return self.fields.get(name, [""])[0]

    def all(self, name: str) -> list[str]:
        return self.fields.get(name, [])


Act = Callable[[Request, Desk, Book, Form], Response]


def act(does: Act) -> Callable[[Request], Awaitable[Response]]:
    """Make a handler: read the form up to a limit, open the run, and answer what doesn't fit with 400."""

    async def handler(request: Request) -> Response:
        form = await _form(request)
        desk = desk_of(request)
        book = await run_in_threadpool(desk.book, request)
        try:
            return await run_in_threadpool(does, request, desk, book, form)
        except DesignerError as error:
            raise HTTPException(400, one_line(str(error), 400)) from None

    return handler


async def _form(request: Request) -> Form:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413, "That is too long.")
    try:
        return Form(parse_qs(body.decode(), keep_blank_values=True, max_num_fields=200))
    except ValueError:
        raise HTTPException(400, "That is no form.") from None


def who(given: str) -> str:
    """Return the name that a person gave, or the account's."""
    return one_line(given, 40).strip() or opinions.account()


def _back(book: Book, place: str) -> Response:
    return RedirectResponse(f"/run/{book.name}/{place}", status_code=303)


# Say -----------------------------------------------------------------------------------------------------------------


def say(request: Request, desk: Desk, book: Book, form: Form) -> Response:
    """Leave a note on the task, a candidate, a line of its code or a moment of its clip."""
    name, line, clip_s = form.one("candidate"), form.one("line"), form.one("clip_s")
    if not name:
        opinions.say(book.run, form.one("text"), by=who(form.one("by")))
        return _back(book, "words")
    chosen(book, name)
    about = About(
        candidate=name,
        line=int(line) if line.isascii() and line.isdigit() and len(line) < 5 else None,
        clip_s=float(clip_s) if NUMBER.fullmatch(clip_s) else None,
    )
    opinions.say(book.run, form.one("text"), about, who(form.one("by")))
    return _back(book, f"c/{name}#notes")


def words(request: Request) -> Response:
    """Show everything that people said of a run."""
    book = desk_of(request).book(request)
    listed = list(reversed(all_words(book)))
    ranked = sum(saying.kind == "rank" for saying in standing(book.opinions))
    return desk_of(request).page("words.html.j2", request, book=book, listed=listed, ranked=ranked, tab="words")


def undo(request: Request, desk: Desk, book: Book, form: Form) -> Response:
    """Take something back."""
    opinions.undo(book.run, form.one("id"), who(form.one("by")))
    back = form.one("back")
    return _back(book, _rank_address(form) if back == "rank" else f"c/{back}" if back in book.archive.candidates else "words")


# Edit ----------------------------------------------------------------------------------------------------------------


def edit(request: Request) -> Response:
    """Show a candidate's code to be changed."""
    book, found = desk_of(request).candidate(request)
    faults = check(found.source, book.run.table)
    return desk_of(request).page("edit.html.j2", request, book=book, it=found, faults=faults, source=found.source, tab="")


def checked(request: Request, desk: Desk, book: Book, form: Form) -> Response:
    """Return what the static check says of code that is being typed."""
    source = form.one("source").replace("\r\n", "\n")
    return desk.page("_faults.html.j2", request, faults=check(source, book.run.table), book=book)


def add(request: Request, desk: Desk, book: Book, form: Form) -> Response:
    """Hand in changed code as a new candidate. Code that the check refuses is shown again with its faults."""
    source, parent = form.one("source").replace("\r\n", "\n"), chosen(book, form.one("candidate"))
    faults = check(source, book.run.table)
    if faults:
        return desk.page("edit.html.j2", request, book=book, it=parent, faults=faults, source=source, tab="")
    opinions.add_source(book.run, source, f"an edit of {parent.id}", About(candidate=parent.id), who(form.one("by")))
    return _back(book, "words")


# Approve ---------------------------------------------------------------------------------------------------------------


def approve(request: Request, desk: Desk, book: Book, form: Form) -> Response:
    """Approve a candidate whose code is the code that was looked at."""
    found = chosen(book, form.one("candidate"))
    if form.one("source_hash") != found.source_hash:
        raise HTTPException(409, "This is not the code that was on the page. Look again.")
    opinions.approve(book.run, found.id, who(form.one("by")), form.one("text"))
    return _back(book, f"c/{found.id}")


def reject(request: Request, desk: Desk, book: Book, form: Form) -> Response:
    """Reject a candidate with a reason."""
    opinions.reject(book.run, chosen(book, form.one("candidate")).id, form.one("text"), who(form.one("by")))
    return _back(book, f"c/{form.one('candidate')}")


# Rank ------------------------------------------------------------------------------------------------------------------


def rank_page(request: Request) -> Response:
    """Ask the next question, and show what the answers say so far."""
    desk, book = desk_of(request), desk_of(request).book(request)
    rater = who(request.query_params.get("by", ""))
    mode = "order" if request.query_params.get("mode") == "order" else "pair"
    return desk.page(
        "rank.html.j2", request, book=book, question=ranking.ask(book, rater, mode), mode=mode, rater=rater,
        last=ranking.last_answer(book, rater), noise=ranking.noise_told(book, rater), standing=ranking.stand(book),
        filmed=len(ranking.filmed(book)), tab="rank",
    )  # fmt: skip


def rank(request: Request, desk: Desk, book: Book, form: Form) -> Response:
    """Take an answer: of a pair, or the order of several, best first."""
    shown = tuple(form.all("shown"))
    answer = form.one("answer")
    if form.one("mode") == "order" and answer == "order":
        best_first = form.all("order")
        if sorted(best_first) != sorted(shown):
            raise HTTPException(400, "The order names other candidates than were shown.")
        places: tuple[int, ...] = tuple(best_first.index(name) for name in shown)
    elif answer in ("bad", "unsure"):
        places = (0,) * len(shown) if answer == "bad" else ()
    elif answer in ANSWERS and len(shown) == 2:
        places = ANSWERS[answer]
    else:
        raise HTTPException(400, "That answer doesn't fit the question.")
    opinions.rank(book.run, Ranking(shown=shown, places=places, bad=answer == "bad"), who(form.one("by")))
    return _back(book, _rank_address(form))


def _rank_address(form: Form) -> str:
    mode = {"mode": "order"} if form.one("mode") == "order" else {}
    return "rank?" + urlencode({"by": who(form.one("by")), **mode})
