"""Looking in a browser: every page in both themes, what hostile text cannot do, a long list, the report from disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from designer.opinions import approval_of, read_opinions
from designer.review.report import write_report
from tests.designer.desk_run import NAME, desk_run, hostile, many
from tests.designer.example_run import WINNER, finished, proposed, started, trained, trial

PAGES = {
    "runs": "/",
    "run": f"/run/{NAME}/",
    "candidate": f"/run/{NAME}/c/{WINNER}",
    "compare": f"/run/{NAME}/compare?c=g01c00&c={WINNER}",
    "rank": f"/run/{NAME}/rank",
    "order": f"/run/{NAME}/rank?mode=order",
    "words": f"/run/{NAME}/words",
    "edit": f"/run/{NAME}/c/{WINNER}/edit",
    "search": "/search?q=torso+velocity",
    "error": f"/run/{NAME}/c/g99c99",
}
WAIT_MS = 60_000
SERIOUS = ("serious", "critical")


def until(page: Page, truth: str) -> None:
    """Look until something is true. The page's own policy forbids the driver's way of waiting, which evaluates text there."""
    for _ in range(200):
        if page.evaluate(truth):
            return
        page.wait_for_timeout(100)
    raise AssertionError(truth)


@pytest.fixture
def desk(runs: Path, serve: Callable[[Path], str]) -> str:
    return serve(runs)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_page_is_accessible_and_fits_its_screen(desk: str, open_page: Callable[..., Page], width: int, scheme: str):
    found = {}
    page = open_page(width, scheme)
    for name, address in PAGES.items():
        if name == "error":
            continue
        page.goto(desk + address)
        if name in ("run", "candidate", "compare"):
            expect(page.locator(".uplot").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than the screen"
        results = Axe().run(page).response
        serious = [(v["id"], v["nodes"][0]["html"][:120]) for v in results["violations"] if v["impact"] in SERIOUS]
        if serious:
            found[name] = serious
    assert found == {}


def test_a_list_is_walked_and_opened_by_keyboard(desk: str, page: Page):
    page.goto(f"{desk}/run/{NAME}/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    second = page.locator("tr.row").nth(1).locator("a").inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(second)
    page.wait_for_load_state("load")
    page.keyboard.press("g")
    page.keyboard.press("w")
    expect(page.locator("h1")).to_have_text("What people said")
    page.wait_for_load_state("load")
    page.keyboard.press("/")
    page.keyboard.type("torso velocity")
    page.keyboard.press("Enter")
    expect(page.locator("#hits")).to_contain_text(WINNER)


def test_search_answers_while_typing(desk: str, page: Page):
    page.goto(f"{desk}/search")
    page.locator("#words").press_sequentially("torso velocity")
    expect(page.locator("#hits")).to_contain_text(WINNER)


def test_what_is_typed_before_the_scripts_are_there_is_checked_too(desk: str, page: Page):
    held: list[Route] = []
    page.route("**/htmx.min.js", lambda route: held.append(route))
    page.goto(f"{desk}/run/{NAME}/c/{WINNER}/edit", wait_until="commit")
    code = page.locator("#source")
    code.fill(code.input_value().replace("torso_velocity", "torso_velocty"))
    expect(page.locator("#faults")).to_contain_text("finds nothing")
    held[0].continue_()
    expect(page.locator("#faults")).to_contain_text("torso_velocity", timeout=WAIT_MS)


def test_clips_side_by_side_play_in_step(desk: str, page: Page):
    page.goto(f"{desk}/run/{NAME}/compare?c=g01c00&c={WINNER}")
    page.get_by_role("button", name="Play all clips").click()
    until(page, "[...document.querySelectorAll('video')].every(clip => clip.currentTime > 0.3)")
    page.evaluate("document.querySelectorAll('video').forEach(clip => clip.pause())")
    page.evaluate("document.querySelector('video').currentTime = 1.5")
    until(page, "document.querySelectorAll('video')[1].currentTime == 1.5")


def test_a_candidate_is_approved(desk: str, page: Page, runs: Path):
    page.goto(f"{desk}/run/{NAME}/c/{WINNER}")
    page.locator("summary", has_text="Approve").click()
    page.get_by_label("A remark").fill("a good gait")
    page.get_by_role("button", name=f"Approve {WINNER}").click()
    expect(page.locator("h1 .chip")).to_have_text("approved")
    (said,) = read_opinions(runs / NAME)
    assert approval_of([said], WINNER, said.source_hash) == said


def test_hostile_text_does_nothing(tmp_path: Path, page: Page, serve: Callable[[Path], str]):
    desk_run(tmp_path, [started(), proposed(hostile()), trained(trial("g01c00", "search", 1, 1.0))])
    desk = serve(tmp_path)
    for address in ("/", f"/run/{NAME}/", f"/run/{NAME}/c/g01c00", f"/run/{NAME}/c/g01c00/edit", "/search?q=script"):
        page.goto(desk + address)
        assert page.locator("main img, main script, main b").count() == 0
    page.goto(f"{desk}/run/{NAME}/c/g01c00")
    expect(page.locator("main")).to_contain_text("<script>alert(1)")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_page_of_five_hundred_candidates_comes_at_once(tmp_path: Path, page: Page, serve: Callable[[Path], str]):
    desk_run(tmp_path, many(500))
    desk = serve(tmp_path)
    page.goto(desk)
    for attempt in ("first", "second"):
        began = time.perf_counter()
        page.goto(f"{desk}/run/{NAME}/", wait_until="load")
        print(f"500 candidates, {attempt} look: {time.perf_counter() - began:.2f} s until the page has loaded")
    assert page.locator("tr.row").count() == 50
    assert page.locator("#family-title").count() == 1


def test_the_report_opens_from_disk_without_a_server(tmp_path: Path, page: Page):
    path = write_report(desk_run(tmp_path, finished()))
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    expect(page.locator("h1")).to_have_text("Make the half-cheetah run backward.")
    assert [url for url in requests if not url.startswith(("data:", path.as_uri()))] == []
    serious = [v["id"] for v in Axe().run(page).response["violations"] if v["impact"] in SERIOUS]
    assert serious == []
