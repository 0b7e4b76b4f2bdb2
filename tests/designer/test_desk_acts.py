"""What a person does at the desk reaches opinions.jsonl, the next prompts and the last word on a candidate."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from designer.desk.shelf import Shelf
from designer.desk.terminal import dialogue
from designer.executors.fake import Fake
from designer.opinions import approval_of, approve, evidence_hash, read_opinions, reject, say
from designer.records import About
from designer.reviewing import notes_for
from tests.designer.asgi import Browser
from tests.designer.desk_run import NAME, desk_run
from tests.designer.example_run import WINNER, rounds, trained, trial
from tests.designer.small_run import GOOD, small_run
from tests.designer.test_loop import attempt
from tests.designer.test_opinions import answering, prompts_of

RUN = f"/run/{NAME}"


@pytest.fixture
def open_run(tmp_path: Path):
    """A run that goes on, with clips of three candidates."""
    run = desk_run(tmp_path, rounds())
    for name in ("g01c00", "g02c00", WINNER):
        folder = run.folder / "candidates" / name / "clip-search"
        folder.mkdir(parents=True)
        (folder / "clip.mp4").write_bytes(b"film")
    return run


@pytest.fixture
def browser(open_run, tmp_path: Path) -> Browser:
    return Browser(tmp_path)


def shown(page: str) -> list[str]:
    return re.findall(r'name="shown" value="([^"]+)"', page)


# Say -------------------------------------------------------------------------------------------------------------------


def test_a_note_on_a_line_is_kept_with_its_place(browser, open_run):
    answer = browser.post(f"{RUN}/say", {"candidate": WINNER, "line": "8", "text": "why so steep?", "by": "ann"})
    assert answer.status == 303
    (note,) = read_opinions(open_run.folder)
    assert (note.about, note.text, note.by) == (About(candidate=WINNER, line=8), "why so steep?", "ann")
    page = browser.get(f"{RUN}/c/{WINNER}").text
    assert 'id="L8" class="noted"' in page
    assert "why so steep?" in page


def test_a_note_on_a_moment_reaches_the_next_prompt_with_its_second(tmp_path):
    run = small_run(tmp_path)
    about = About(candidate="g01c00", clip_s=3.2)
    llm = answering(run, lambda: say(run, "it stumbles", about))
    attempt(run, Fake(), llm)
    assert all("on g01c00, 3.2 s into its episode: it stumbles" in prompt for prompt in prompts_of(llm, 2))


def test_a_note_on_a_line_quotes_it_and_a_rejection_gives_its_reason(tmp_path):
    run = small_run(tmp_path)

    def happens():
        say(run, "far too much", About(candidate="g01c00", line=6))

    llm = answering(run, happens)
    archive = attempt(run, Fake(), llm)
    (note,) = notes_for(archive, 2)
    assert note == "on g01c00, line 6, 'weight = 1.0': far too much"


def test_a_rejection_enters_the_prompts(tmp_path):
    run = small_run(tmp_path)
    again = small_run(tmp_path / "again")
    first = answering(run, lambda: None)
    archive = attempt(run, Fake(), first)
    assert archive.finished
    reject(run, "g01c00", "it hops", "ann")
    assert [o.kind for o in read_opinions(run.folder)] == ["reject"]
    llm = answering(again, lambda: None)
    (again.folder / "opinions.jsonl").write_bytes((run.folder / "opinions.jsonl").read_bytes())
    attempt(again, Fake(), llm)
    assert all("g01c00 was rejected: it hops" in prompt for prompt in prompts_of(llm, 1))


def test_what_was_taken_back_waits_no_longer(browser, open_run):
    browser.post(f"{RUN}/say", {"text": "nonsense"})
    (note,) = read_opinions(open_run.folder)
    browser.post(f"{RUN}/undo", {"id": note.id})
    assert "nonsense" not in browser.get(f"{RUN}/words").text
    assert browser.post(f"{RUN}/undo", {"id": "unknown"}).status == 400


def test_too_long_or_too_little_is_refused(browser):
    assert browser.post(f"{RUN}/say", {"text": "  "}).status == 400
    assert browser.post(f"{RUN}/say", {"text": "x" * 3000}).status == 400
    assert browser.post(f"{RUN}/say", {"text": "x" * 300_000}).status == 413
    assert browser.post(f"{RUN}/say", {"candidate": "g99c99", "text": "hi"}).status == 404


# Edit ------------------------------------------------------------------------------------------------------------------


def test_typed_code_is_checked_and_faults_name_the_closest_field(browser):
    page = browser.post(f"{RUN}/check", {"source": GOOD.format(weight=1.0).replace("torso_velocity", "torso_velocty")}).text
    assert "torso_velocity" in page
    assert "line" in page
    assert "finds nothing" in browser.post(f"{RUN}/check", {"source": GOOD.format(weight=1.0)}).text


def test_an_edit_is_handed_in_as_a_child_of_what_was_edited(browser, open_run):
    source = GOOD.format(weight=3.5)
    assert browser.post(f"{RUN}/add", {"candidate": WINNER, "source": source}).status == 303
    (added,) = read_opinions(open_run.folder)
    assert (added.kind, added.text, added.about) == ("add", source, About(candidate=WINNER))


def test_an_edit_with_faults_is_shown_again_and_handed_in_nowhere(browser, open_run):
    answer = browser.post(f"{RUN}/add", {"candidate": WINNER, "source": "import os\n"})
    assert answer.status == 200
    assert "import os" in answer.text
    assert read_opinions(open_run.folder) == ()


# Approve -----------------------------------------------------------------------------------------------------------------


def test_an_approval_names_who_and_the_hashes_and_stands_for_that_code_only(browser, open_run):
    archive = open_run.archive()
    source_hash = archive.candidates[WINNER].source_hash
    browser.post(f"{RUN}/approve", {"candidate": WINNER, "source_hash": source_hash, "by": "ann", "text": "good gait"})
    (approval,) = read_opinions(open_run.folder)
    assert (approval.by, approval.source_hash, approval.evidence_hash) == ("ann", source_hash, evidence_hash(archive, WINNER))
    assert approval_of([approval], WINNER, source_hash) == approval
    assert approval_of([approval], WINNER, "another") is None
    assert 'class="chip approved">approved' in browser.get(f"{RUN}/c/{WINNER}").text


def test_an_approval_of_code_that_was_not_on_the_page_is_refused(browser, open_run):
    assert browser.post(f"{RUN}/approve", {"candidate": WINNER, "source_hash": "0"}).status == 409
    assert read_opinions(open_run.folder) == ()


def test_a_later_rejection_ends_an_approval(open_run):
    source_hash = open_run.archive().candidates[WINNER].source_hash
    approve(open_run, WINNER, "ann")
    reject(open_run, WINNER, "it limps", "ben")
    assert approval_of(read_opinions(open_run.folder), WINNER, source_hash) is None


def test_evidence_changes_when_another_training_ends(open_run):
    from designer.journal import Journal

    before = evidence_hash(open_run.archive(), WINNER)
    Journal(open_run.journal, clock=lambda: 1.0).append(trained(trial(WINNER, "final", 1000, 4.0)))
    assert evidence_hash(open_run.archive(), WINNER) != before


# Rank ------------------------------------------------------------------------------------------------------------------


def test_a_question_names_no_candidate_and_no_number(browser):
    page = browser.get(f"{RUN}/rank?by=ann").text
    form = page[page.index('id="question"') : page.index("What the answers say")]
    visible = re.sub(r"<[^>]*>", "", form)
    assert not re.search(r"g\d\dc\d\d|\d\.\d", visible)
    assert len(shown(page)) == 2


def test_an_answer_is_kept_and_then_its_numbers_are_shown(browser, open_run):
    names = shown(browser.get(f"{RUN}/rank?by=ann").text)
    form = {"by": "ann", "mode": "pair", "answer": "second", "shown": names[0]}
    body = "&".join([*(f"{key}={value}" for key, value in form.items()), f"shown={names[1]}"])
    headers = {"origin": f"http://{Browser.HOST}"}
    assert browser.ask("POST", f"{RUN}/rank", headers, body.encode()).status == 303
    (answer,) = read_opinions(open_run.folder)
    assert answer.ranking is not None
    assert (answer.ranking.shown, answer.ranking.places, answer.by) == (tuple(names), (1, 0), "ann")
    page = browser.get(f"{RUN}/rank?by=ann").text
    assert "Last answer: " in page
    assert f"{names[1]} (" in page


def test_an_order_of_others_than_were_shown_is_refused(browser, open_run):
    headers = {"origin": f"http://{Browser.HOST}"}
    body = f"mode=order&answer=order&shown=g01c00&shown={WINNER}&order=g01c00&order=g02c00"
    assert browser.ask("POST", f"{RUN}/rank", headers, body.encode()).status == 400
    assert read_opinions(open_run.folder) == ()


def test_without_clips_the_page_says_how_to_make_them(tmp_path):
    desk_run(tmp_path)
    assert f"designer clips {NAME}" in Browser(tmp_path).get(f"{RUN}/rank").text


def test_the_terminal_asks_writes_down_and_takes_back(open_run, tmp_path):
    words, told = iter(["a", "hm", "u", "t", "q"]), []
    shelf = Shelf(tmp_path)
    assert dialogue(lambda: shelf.open(NAME), "ann", lambda _: next(words), told.append) == 2
    assert [o.kind for o in read_opinions(open_run.folder)] == ["rank", "undo", "rank"]
    assert any(line.endswith("clip.mp4") for line in told)
