"""A run watched from its beginning to its end, while a person says something and edits what came out."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from designer.runs import open_run
from tests.designer.small_run import reply
from tests.e2e.command import TINY, only_run, stand_in, started

WAIT_S = 90


def asked_for(folder: Path, pattern: str) -> Path:
    """Return a file once the run has made it."""
    for _ in range(WAIT_S * 10):
        if folder.is_dir() and (found := list(folder.glob(pattern))):
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"{folder} got no {pattern}")


@pytest.fixture
def running(tmp_path: Path):
    """A run whose model is this test: it answers when a reply file is there."""
    worker = stand_in(tmp_path / "worker")
    run = started(
        "run", "half_cheetah_backward", *TINY, "--search.rounds", "2", "--llm.provider", "manual", *worker,
        "--sandbox.provider", "embedded", cwd=tmp_path,
    )  # fmt: skip
    asked_for(tmp_path / "runs", "*/journal.jsonl")
    yield only_run(tmp_path / "runs")
    run.terminate()
    run.communicate(timeout=20)


def test_a_note_and_an_edit_reach_the_next_round_of_a_run_that_is_watched(
    running: Path, page: Page, serve: Callable[[Path], str]
):
    mail, address = running / "llm", f"{serve(running.parent)}/run/{running.name}"
    page.goto(f"{address}/")
    expect(page.locator("#live .chip")).to_have_text("running")

    asked_for(mail, "r01-init-s00-a0.prompt.md")
    (mail / "r01-init-s00-a0.reply.md").write_text(reply(2.0))
    expect(page.locator("tr.row", has_text="g01c00")).to_be_visible(timeout=60_000)  # the page renewed itself
    watched = page

    page = page.context.new_page()
    page.goto(f"{address}/c/g01c00")
    page.get_by_role("button", name="Note on line 6").click()
    expect(page.locator("#note-about")).to_have_text("g01c00, line 6")
    page.get_by_label("A note for the next prompts").fill("twice as much would do")
    page.get_by_role("button", name="Say").click()
    expect(page.locator("#L6")).to_have_class("noted")

    page.get_by_role("link", name="Edit").click()
    code = page.locator("#source")
    code.fill(code.input_value().replace("torso_velocity", "torso_velocty"))
    expect(page.locator("#faults")).to_contain_text("torso_velocity")
    code.fill(code.input_value().replace("torso_velocty", "torso_velocity").replace("2.0", "5.0"))
    expect(page.locator("#faults")).to_contain_text("finds nothing")
    page.get_by_role("button", name="Train it as a new candidate").click()
    expect(page.locator("main")).to_contain_text("waits for the next round")

    asked_for(mail, "r01-init-s01-a0.prompt.md")
    (mail / "r01-init-s01-a0.reply.md").write_text(reply(1.0))
    for sample in range(2):
        path = asked_for(mail, f"r02-*-s{sample:02d}-a0.prompt.md")
        prompt = path.read_text()
        assert "on g01c00, line 6, 'weight = 2.0': twice as much would do" in prompt
        path.with_name(path.name.replace("prompt", "reply")).write_text(reply(3.0 + sample))

    expect(watched.locator("#live .chip")).to_have_text("finished", timeout=WAIT_S * 1000)
    expect(watched.locator("tr.row", has_text="g02c02")).to_be_visible()
    edited = open_run(running).archive().candidates["g02c02"]
    assert (edited.parents, edited.proposer) == (("g01c00",), "person")
    assert "weight = 5.0" in edited.source
