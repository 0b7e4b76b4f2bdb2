"""The desk's pages that only look. Each takes a request and renders a template; a run that can't be read says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response

from designer import __version__
from designer.archive import BASELINES
from designer.desk import overview, portrait
from designer.desk.family import family_tree
from designer.desk.films import film_of
from designer.desk.finding import find
from designer.desk.shelf import Book, Shelf
from designer.desk.words import Words, marks_of, words_of
from designer.desk.worth import worth_of
from designer.errors import DesignerError
from designer.records import Candidate
from designer.runs import CLIP, REPORT
from designer.text import one_line, printable

TEMPLATES = Path(__file__).resolve().parent / "templates"
MOST_COMPARED = 4
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; sandbox"


class Desk(NamedTuple):
    """What every page works with."""

    shelf: Shelf
    templates: Environment

    def page(self, name: str, request: Request, **values: Any) -> HTMLResponse:
        """Render a template. Everything in `values` is escaped where it is not Markup."""
        template = self.templates.get_template(name)
        return HTMLResponse(template.render(path=request.url.path, version=__version__, **values))

    def book(self, request: Request) -> Book:
        """Return the run that an address names, or answer 404."""
        try:
            return self.shelf.open(request.path_params["run"])
        except DesignerError as error:
            raise HTTPException(404, one_line(str(error), 300)) from None

    def candidate(self, request: Request) -> tuple[Book, Candidate]:
        book = self.book(request)
        return book, chosen(book, request.path_params["candidate"])


def make_templates() -> Environment:
    """Return the environment of the desk's templates: everything is escaped, a missing name is an error."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        auto_reload=False,
    )  # fmt: skip
    environment.filters["line"] = one_line
    environment.filters["safe_text"] = printable
    return environment


def desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


def chosen(book: Book, name: str) -> Candidate:
    """Return a candidate by its id, or answer 404: the archive's names are the only ones that reach the disk."""
    found = book.archive.candidates.get(name)
    if found is None:
        raise HTTPException(404, f"{book.name} has no candidate {one_line(name, 30)!r}.")
    return found


def runs(request: Request) -> Response:
    """List all runs, newest first."""
    desk = desk_of(request)
    names = desk.shelf.names()
    page = overview.paged(len(names), request.query_params.get("page", "1"))
    rows = [overview.run_row(name, desk.shelf.try_open(name)) for name in names[page.slice]]
    return desk.page("runs.html.j2", request, rows=rows, page=page, folder=str(desk.shelf.parent))


def run(request: Request) -> Response:
    """Show a run: what it does now, its lineage, its candidates."""
    desk, book = desk_of(request), desk_of(request).book(request)
    by = request.query_params.get("by", "score")
    worth = worth_of(book)
    candidates = overview.ordered(book.archive, by, worth)
    page = overview.paged(len(candidates), request.query_params.get("page", "1"))
    return desk.page(
        "run.html.j2", request, book=book, now=overview.now(book), page=page, by=by, sentences=overview.verdict_sentences(book),
        rows=overview.candidate_rows(book, candidates[page.slice], marks_of(book), worth), worth=worth,
        tree=family_tree(book.archive, f"/run/{book.name}", worth), tab="overview",
        report=(book.run.folder / REPORT).is_file(),
    )  # fmt: skip


def live(request: Request) -> Response:
    """Return the part of a run's page that renews itself."""
    book = desk_of(request).book(request)
    return desk_of(request).page("_live.html.j2", request, book=book, now=overview.now(book))


def candidate(request: Request) -> Response:
    """Show one candidate."""
    book, found = desk_of(request).candidate(request)
    words: Words = words_of(book, found.id)
    return desk_of(request).page(
        "candidate.html.j2", request, book=book, it=portrait.portrait(book, found), words=words, tab="candidate",
        mark=marks_of(book).get(found.id, ""),
    )  # fmt: skip


def exchanges(request: Request) -> Response:
    """Return the part of a candidate's page with what a model was asked and answered."""
    book, found = desk_of(request).candidate(request)
    return desk_of(request).page("_exchanges.html.j2", request, exchanges=portrait.exchanges(book, found))


def compare(request: Request) -> Response:
    """Put candidates side by side."""
    desk, book = desk_of(request), desk_of(request).book(request)
    names = list(dict.fromkeys(request.query_params.getlist("c")))[:MOST_COMPARED] or _best_two(book)
    found = [chosen(book, name) for name in names]
    told = portrait.compared(book, found) if found else None
    everyone = [c.id for c in overview.ordered(book.archive, "age")]
    return desk.page("compare.html.j2", request, book=book, told=told, everyone=everyone, tab="compare")


def _best_two(book: Book) -> list[str]:
    return [c.id for c in overview.ordered(book.archive, "score", worth_of(book))[:2]]


def search(request: Request) -> Response:
    """Find candidates by what is in their code."""
    desk = desk_of(request)
    words, only = request.query_params.get("q", "")[:200], request.query_params.get("run", "")
    hits = find(desk.shelf, words, only if only in desk.shelf.names() else "")
    name = "_hits.html.j2" if request.headers.get("hx-request") else "search.html.j2"
    return desk.page(name, request, hits=hits, words=words, only=only)


def curves(request: Request) -> Response:
    """Return fitness over training, as JSON for a plot."""
    book = desk_of(request).book(request)
    names = [n for n in request.query_params.getlist("c") if n in book.archive.candidates or n in BASELINES]
    return JSONResponse(portrait.curves(book, names[: MOST_COMPARED + 2]))


def progress(request: Request) -> Response:
    """Return the best score over the trainings, as JSON for a plot."""
    return JSONResponse(portrait.progress(desk_of(request).book(request)))


def clip(request: Request) -> Response:
    """Send a clip, whole or the range that was asked for."""
    book = desk_of(request).book(request)
    name = request.path_params["candidate"]
    if name not in BASELINES:
        chosen(book, name)
    film = film_of(book.run.folder, name)
    path = book.run.folder / (film.path if film else CLIP)
    if film is None or path.is_symlink() or not path.resolve().is_relative_to(book.run.folder.resolve()):
        raise HTTPException(404, f"there is no clip of {one_line(name, 30)}.")
    return FileResponse(path, media_type="video/mp4")


def report(request: Request) -> Response:
    """Send the single-file report. Nothing in it may run, whatever it holds."""
    book = desk_of(request).book(request)
    path = book.run.folder / REPORT
    if not path.is_file() or path.is_symlink():
        raise HTTPException(404, f"no report yet. Write one with: designer report {book.name}")
    return FileResponse(path, media_type="text/html", headers={"content-security-policy": REPORT_POLICY})


async def failed(request: Request, error: Exception) -> Response:
    """Say what went wrong, on a page like the others."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    told = str(error.detail) if isinstance(error, HTTPException) else one_line(str(error), 300)
    answer = desk_of(request).page("error.html.j2", request, status=status, told=told)
    answer.status_code = status
    return answer
