"""The desk as a web application: which address is answered by what."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from designer.desk import acts, pages
from designer.desk.safety import Door, Guard
from designer.desk.shelf import Shelf
from designer.errors import DesignerError
from designer.review.report import TEMPLATES as REPORT_TEMPLATES

STATIC = Path(__file__).resolve().parent / "static"


def make_app(shelf: Shelf, door: Door) -> Starlette:
    """Return the desk. It reads run folders and writes nothing but their opinions.jsonl."""
    app = Starlette(
        routes=[
            Route("/", pages.runs),
            Route("/search", pages.search),
            Mount("/run/{run}", routes=[*_looks(), *_acts()]),
            Mount("/shared", app=StaticFiles(directory=REPORT_TEMPLATES), name="shared"),
            Mount("/static", app=StaticFiles(directory=STATIC), name="static"),
        ],
        middleware=[Middleware(Guard, door=door)],
        exception_handlers={HTTPException: pages.failed, DesignerError: pages.failed},
    )
    app.state.desk = pages.Desk(shelf, pages.make_templates())
    return app


def _looks() -> list[Route]:
    return [
        Route("/", pages.run),
        Route("/live", pages.live),
        Route("/compare", pages.compare),
        Route("/curves.json", pages.curves),
        Route("/progress.json", pages.progress),
        Route("/report", pages.report),
        Route("/clip/{candidate}", pages.clip),
        Route("/c/{candidate}", pages.candidate),
        Route("/c/{candidate}/exchanges", pages.exchanges),
    ]


def _acts() -> list[Route]:
    posts = {
        "say": acts.say,
        "undo": acts.undo,
        "check": acts.checked,
        "add": acts.add,
        "approve": acts.approve,
        "reject": acts.reject,
        "rank": acts.rank,
    }
    return [
        Route("/words", acts.words),
        Route("/rank", acts.rank_page, methods=["GET"]),
        Route("/c/{candidate}/edit", acts.edit),
        *(Route(f"/{name}", acts.act(does), methods=["POST"]) for name, does in posts.items()),
    ]
