"""A real desk in a process of its own, and a real browser; a page that complains or asks elsewhere fails its test."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

pytest.importorskip("playwright", reason="the browser's tests have a stage of their own, with scripts/browser.lock")

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.designer.desk_run import NAME, desk_run
from tests.designer.example_run import WINNER, rounds
from tests.e2e.command import command, environment

CHROMIUM = "/usr/bin/chromium"
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-default-apps"),
)
CLIP = Path(__file__).with_name("clip.mp4")
PATIENCE_MS = 20_000
PHONE, LAPTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 800}


class Watched(NamedTuple):
    """A page, and what it complained of or asked for elsewhere."""

    page: Page
    complaints: list[str]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"there is no {CHROMIUM}: sh scripts/system.sh --browser installs it")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser, serve: Callable[[Path], str]) -> Iterator[Callable[..., Page]]:
    """Open pages that are watched: at the end none may have complained. They close before the desk (`serve`) does."""
    watched: list[Watched] = []

    def opened(width: int = 1280, scheme: str = "light") -> Page:
        size = PHONE if width < 640 else LAPTOP
        context = chromium.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        found = Watched(page, [])
        watched.append(found)
        page.on("console", lambda message: _told(message, found.complaints))
        page.on("pageerror", lambda error: found.complaints.append(f"script: {error}"))
        page.on("dialog", lambda dialog: found.complaints.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: _asked(request, found.complaints))
        return page

    yield opened
    for page, complaints in watched:
        page.context.close()
        assert complaints == []


def _told(message: ConsoleMessage, complaints: list[str]) -> None:
    if message.type in ("error", "warning"):
        complaints.append(f"console: {message.text}")


def _asked(request: Request, complaints: list[str]) -> None:
    parts = urlsplit(request.url)
    if parts.scheme not in ("data", "blob", "file") and parts.hostname != "127.0.0.1":
        complaints.append(f"request: {request.url}")


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    return open_page()


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """Open the desk on a folder in a process of its own. Returns its address."""
    running: list[subprocess.Popen[str]] = []

    def served(folder: Path) -> str:
        desk = subprocess.Popen(
            command(["review", folder, "--port", "0"]), env=environment(), stdout=subprocess.PIPE, text=True, cwd=folder
        )
        running.append(desk)
        assert desk.stdout is not None
        return desk.stdout.readline().split()[-1].rstrip("/")

    yield served
    for desk in running:
        desk.send_signal(signal.SIGINT)
        desk.communicate(timeout=10)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A run that goes on, with clips of four candidates."""
    parent = tmp_path / "runs"
    parent.mkdir()
    run = desk_run(parent, rounds())
    for name in ("g01c00", "g01c02", "g02c00", WINNER):
        folder = run.folder / "candidates" / name / "clip-search"
        folder.mkdir(parents=True)
        shutil.copyfile(CLIP, folder / "clip.mp4")
    return parent


@pytest.fixture
def address(runs: Path, serve: Callable[[Path], str]) -> str:
    """The address of that run's page."""
    return f"{serve(runs)}/run/{NAME}"
