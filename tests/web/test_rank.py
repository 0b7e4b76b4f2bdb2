"""Ranking in a browser: by keyboard only, and by dragging."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from designer.opinions import read_opinions
from designer.records import Ranking
from tests.designer.desk_run import NAME


def answers(runs: Path) -> list[Ranking]:
    return [said.ranking for said in read_opinions(runs / NAME) if said.ranking]


def shown(page: Page) -> list[str]:
    return [str(field.get_attribute("value")) for field in page.locator('input[name="shown"]').all()]


def press(page: Page, key: str) -> None:
    """Press a key once the page's scripts are there."""
    page.wait_for_load_state("load")
    page.keyboard.press(key)


def test_pairs_are_answered_by_keyboard_only_and_the_last_one_is_taken_back(page: Page, address: str, runs: Path):
    page.goto(f"{address}/rank?by=ann")
    first = shown(page)
    press(page, "ArrowRight")
    expect(page.locator("#undo")).to_contain_text("Last answer")
    second = shown(page)
    press(page, "s")
    expect(page.locator("#undo")).to_contain_text("same as")
    press(page, "u")
    expect(page.locator("#undo")).to_contain_text("over")
    press(page, "t")
    expect(page.locator("#undo")).to_contain_text("can't be told")
    assert [(list(a.shown), a.places) for a in answers(runs)][:2] == [(first, (1, 0)), (second, (0, 0))]
    assert [said.kind for said in read_opinions(runs / NAME)] == ["rank", "rank", "undo", "rank"]


def test_four_are_ordered_by_keyboard_only(page: Page, address: str, runs: Path):
    page.goto(f"{address}/rank?by=ann&mode=order")
    names = shown(page)
    while page.evaluate("document.activeElement.dataset?.clip") != "A":
        press(page, "Tab")
    press(page, "ArrowRight")
    press(page, "ArrowRight")
    expect(page.locator("#moved")).to_have_text("Clip A is now number 3 of 4.")
    press(page, "Enter")
    expect(page.locator("#undo")).to_contain_text("Last answer")
    (answer,) = answers(runs)
    assert (list(answer.shown), answer.places) == (names, (2, 0, 1, 3))


def test_four_are_ordered_by_dragging(page: Page, address: str, runs: Path):
    page.goto(f"{address}/rank?by=ann&mode=order")
    last, first = page.locator('li[data-clip="D"]'), page.locator('li[data-clip="A"]')
    last.drag_to(first, target_position={"x": 8, "y": 40})
    expect(page.locator("#order li").first).to_have_attribute("data-clip", "D")
    page.get_by_role("button", name="this is the order").click()
    expect(page.locator("#undo")).to_contain_text("Last answer")
    assert answers(runs)[0].places == (1, 2, 3, 0)
