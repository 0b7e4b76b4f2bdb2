"""The desk's pages: what they show, what they refuse, and that nothing on them can run."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

from designer.desk.app import STATIC
from designer.desk.safety import Door
from designer.desk.shelf import Shelf
from designer.factors import parse_order
from designer.journal import Journal, OpinionTaken, Screened
from designer.records import Ranking, Remark
from designer.review.code import numbered_lines
from tests.designer.asgi import Browser
from tests.designer.cheetah_table import cheetah_table
from tests.designer.desk_run import NAME, desk_run, hostile, many
from tests.designer.example_run import WINNER, candidate, example_task, finished, proposed, rounds, started, trained, trial
from tests.designer.test_course import with_course

RUN = f"/run/{NAME}"


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    desk_run(tmp_path)
    return Browser(tmp_path)


def test_the_list_shows_every_run_and_says_what_is_wrong_with_one_that_can_not_be_read(tmp_path: Path):
    desk_run(tmp_path)
    broken = desk_run(tmp_path, name="broken")
    broken.journal.write_text("nonsense\n{}\n")
    page = Browser(tmp_path).get("/").text
    assert "Make the half-cheetah run backward." in page
    assert "finished" in page
    assert "can&#39;t be read" in page


def test_a_runs_page_names_all_candidates_and_draws_their_descent(browser: Browser):
    page = browser.get(f"{RUN}/").text
    assert all(f'href="{RUN}/c/{name}"' in page for name in ("g01c00", "g01c01", "g01c02", "g02c00", WINNER))
    assert page.count('class="branch"') == 1
    assert "g02c01 reaches" in page


def test_a_candidates_page_shows_code_terms_seeds_and_remarks(browser: Browser):
    page = browser.get(f"{RUN}/c/{WINNER}").text
    assert '<span class="f">reward</span>' in page
    assert "run_backward" in page
    assert "1004" in page
    assert "is 100% of the reward" in page or "Nothing was remarked" in page or "remarks" in page
    assert "designer clips" in page


def test_a_repeated_reward_is_said_to_be_the_one_that_it_repeats(tmp_path: Path):
    repeats = Screened(candidate="g01c01", nearest="g01c00", distance=0.01, duplicate_of="g01c00")
    out = Remark(candidate="g01c02", source="guard", kind="flag", text="audit: it pays bad episodes", blocking=True)
    events = [started(), *(proposed(candidate(f"g01c0{k}")) for k in range(3)), trained(trial("g01c00", "search", 1, 1.5))]
    desk_run(tmp_path, [*events, repeats, Screened(candidate="g01c02", remarks=(out,))])
    browser = Browser(tmp_path)
    listed, page = browser.get(f"{RUN}/").text, browser.get(f"{RUN}/c/g01c01").text
    assert "the same reward as g01c00: search 1.50" in listed
    assert "kept out of training by a guard" in listed
    assert "not trained yet" not in listed
    assert "and shares its score" in page
    assert f"designer clips {NAME} g01c00" in page
    compared = browser.get(f"{RUN}/compare?c=g01c00&c=g01c01").text
    assert compared.count(">1.50<") == 2


def test_what_a_candidate_reached_by_the_order_of_factors_is_shown(tmp_path: Path):
    order = parse_order(("speed: -torso_velocity[x]", "effort: -norm(action)"), cheetah_table())
    reached = trial("g01c00", "search", 1, 3.4).model_copy(update={"factors": ((1.0, -0.1), (3.25, -0.5))})
    run = desk_run(tmp_path, [started(), proposed(candidate("g01c00")), trained(reached), proposed(candidate("g01c01"))])
    (run.folder / "task" / "task.json").write_text(example_task(order=order).model_dump_json())
    browser = Browser(tmp_path)
    assert "speed 3.25, then effort -0.500" in browser.get(f"{RUN}/c/g01c00").text
    assert "By the order" not in browser.get(f"{RUN}/c/g01c01").text
    compared = browser.get(f"{RUN}/compare?c=g01c00&c=g01c01").text
    assert re.search(r"speed, by the order</th><td[^>]*>3.25</td><td[^>]*>–</td>", compared)


def test_a_run_without_a_fitness_shows_no_score_as_if_it_said_something(tmp_path: Path):
    run = desk_run(tmp_path)
    assert "Best so far" in Browser(tmp_path).get(f"{RUN}/").text
    (run.folder / "task" / "task.json").write_text(example_task(fitness_origin="none").model_dump_json())
    page = Browser(tmp_path).get(f"{RUN}/").text
    assert "Best so far" not in page
    assert "search score, optimistic" not in page
    assert "no fitness: answers choose" in page
    assert "Search score" not in page
    assert "was preferred to the others, and was trained anew on" in page
    assert "reaches" not in page
    assert re.search(r">trained(, and anew on the final seeds)?</span>", page)
    assert "search 0" not in page
    for other in (f"{RUN}/c/{WINNER}", f"{RUN}/compare?c=g01c00&c={WINNER}"):
        assert "Fitness over training" not in Browser(tmp_path).get(other).text


def test_where_answers_choose_candidates_stand_by_what_the_answers_say(tmp_path: Path):
    ranking = Ranking(shown=("g01c00", "g02c01"), places=(2, 1))
    taken = OpinionTaken(id="a person-2-0", kind="rank", round=2, by="a person", ranking=ranking)
    run = desk_run(tmp_path, [*rounds(), taken])
    (run.folder / "task" / "task.json").write_text(example_task(fitness_origin="none").model_dump_json())
    desk = Browser(tmp_path)
    page = desk.get(f"{RUN}/").text
    assert "Lineage: strength by answers, by round [logits]" in page
    told = dict(
        re.findall(
            r'<th scope="row"><a href="[^"]*/c/(g\d+c\d+)">.*?data-label="Strength by answers">([^<]*)<', page, re.DOTALL
        )
    )
    assert told["g02c01"].startswith("+")
    assert told["g01c00"].startswith("-")
    assert set(told.values()) > {"–"}, "nobody answered about the others"
    assert list(told)[:2] == ["g02c01", "g01c00"]
    compared = desk.get(f"{RUN}/compare?c=g01c00&c=g02c01").text
    assert "strength by answers" in compared
    assert "search fitness" not in compared


def test_what_raters_answer_in_the_journal_stands_beside_peoples_answers(tmp_path: Path):
    ranking = Ranking(shown=("g01c00", "g02c01"), places=(1, 0))
    taken = OpinionTaken(id="heron-2-0", kind="rank", round=2, by="heron", ranking=ranking)
    desk_run(tmp_path, [*rounds(), taken])
    page = Browser(tmp_path).get(f"{RUN}/rank").text
    assert "What 1 answer says" in page
    assert "Strengths, by heron" in page


def test_a_curriculums_stages_are_drawn_with_what_was_left_out_and_why(tmp_path: Path):
    desk_run(tmp_path, [started(), *(with_course(event) for event in finished())])
    page = Browser(tmp_path).get(f"{RUN}/c/{WINNER}").text
    assert "Its way through the training" in page
    assert "1. near_key: mastered" in page
    assert "At 14% &lt;b&gt;fly&lt;/b&gt; was left out: reached in 0 of the last 50 attempts." in page
    assert "<b>fly" not in page


def test_two_candidates_side_by_side_show_what_changed(browser: Browser):
    page = browser.get(f"{RUN}/compare?c=g01c00&c={WINNER}").text
    assert '<span class="del">-    speed_temperature = 3.0  # m/s</span>' in page
    assert '<span class="add">+    speed_temperature = 2.0  # m/s</span>' in page


def test_curves_come_with_one_value_for_every_step(browser: Browser):
    import json

    data = json.loads(browser.get(f"{RUN}/curves.json?c={WINNER}&c=human&c=nonsense").body)
    assert {line["name"] for line in data["series"]} == {WINNER, "human-written reward"}
    assert all(len(line["values"]) == len(data["x"]) for line in data["series"])


def test_search_finds_a_field_in_the_code_and_names_the_line(browser: Browser):
    page = browser.get("/search?q=torso+velocity").text
    assert f"{RUN}/c/{WINNER}#L8" in page
    assert "No candidate has all" in browser.get("/search?q=torso+pineapple").text


def test_a_page_shows_what_the_journal_gained_since_the_last_look(tmp_path: Path):
    run = desk_run(tmp_path, rounds())
    shelf = Shelf(tmp_path)
    assert "g03c00" not in shelf.open(NAME).archive.candidates
    journal = Journal(run.journal, clock=lambda: 500.0)
    journal.append(proposed(candidate("g03c00")))
    with run.journal.open("ab") as file:
        file.write(b'{"at": 501.0, "event": {"eve')
    assert "g03c00" in shelf.open(NAME).archive.candidates


def test_a_long_list_comes_in_pages(tmp_path: Path):
    desk_run(tmp_path, many(500))
    browser = Browser(tmp_path)
    page = browser.get(f"{RUN}/").text
    assert page.count('class="row"') == 50
    assert "1 of 10" in page
    assert browser.get(f"{RUN}/?page=10&by=age").text.count('class="row"') == 50
    assert "10 of 10" in browser.get(f"{RUN}/?page=99999").text


# Safety ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/", f"{RUN}/", f"{RUN}/c/g01c00", f"{RUN}/compare?c=g01c00", "/search?q=script"])
def test_hostile_text_is_shown_and_never_runs(tmp_path: Path, address: str):
    desk_run(tmp_path, [started(), proposed(hostile()), trained(trial("g01c00", "search", 1, 1.0))])
    answer = Browser(tmp_path).get(address)
    assert answer.status == 200
    for word in ("<script>alert", "<img src=x", "<b>x", "<i>model", "\x1b", "\u202e"):
        assert word not in answer.text
    assert len(answer.body) < 500_000


def test_every_answer_forbids_inline_script_and_other_origins(browser: Browser):
    for address in ("/", f"{RUN}/", "/static/desk.js", "/nowhere", f"{RUN}/curves.json?c=human"):
        policy = browser.get(address).headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self';" in policy
        assert "unsafe" not in policy
        assert browser.get(address).headers["x-content-type-options"] == "nosniff"


def test_pages_have_no_inline_script_or_style(browser: Browser):
    for address in ("/", f"{RUN}/", f"{RUN}/c/{WINNER}", f"{RUN}/compare", "/search?q=a"):
        page = browser.get(address).text
        assert "<script>" not in page
        assert "<style" not in page
        assert " style=" not in page
        assert " onclick" not in page


@pytest.mark.parametrize(
    "host", ["evil.example:8642", "127.0.0.1:1", "127.0.0.1", "", "127.0.0.1:8642.evil.example", "[", "localhost:x"]
)
def test_a_name_that_is_not_ours_is_refused(browser: Browser, host: str):
    assert browser.get("/", host=host).status == 421


def test_loopback_by_another_name_is_answered(browser: Browser):
    assert browser.get("/", host="localhost:8642").status == 200


@pytest.mark.parametrize("origin", ["", "null", "http://evil.example", "http://127.0.0.1:9999"])
def test_what_another_page_sends_is_refused(browser: Browser, origin: str):
    assert browser.post(f"{RUN}/say", {"text": "hello"}, origin=origin).status == 403


def test_beyond_loopback_nothing_is_shown_without_the_token(tmp_path: Path):
    desk_run(tmp_path)
    browser = Browser(tmp_path, Door("0.0.0.0", 8642, token="right"))
    assert browser.get("/").status == 401
    assert browser.get("/?token=wrong").status == 401
    assert browser.get("/static/desk.css").status == 401
    moved = browser.get("/?token=right")
    assert (moved.status, moved.headers["location"]) == (303, "/")
    cookie = moved.headers["set-cookie"].partition(";")[0]
    assert "HttpOnly" in moved.headers["set-cookie"]
    assert browser.get("/", cookie=cookie).status == 200
    assert browser.get("/", cookie=cookie, host="my-machine:8642").status == 200


@pytest.mark.parametrize(
    "address",
    [
        "/run/..%2f..%2fetc/", "/run/%2e%2e/", "/run/.hidden/", f"{RUN}/clip/..%2f..%2fconfig.toml", f"{RUN}/c/..%2fx",
        f"{RUN}/clip/%2e%2e", "/static/..%2fapp.py", "/shared/..%2freport.py", "/static/%2e%2e/app.py",
    ],
)  # fmt: skip
def test_nothing_outside_is_reached(browser: Browser, address: str):
    assert browser.get(address).status == 404


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path):
    run = desk_run(tmp_path)
    outside = tmp_path.parent / "outside.mp4"
    outside.write_bytes(b"secret")
    folder = run.folder / "candidates" / WINNER / "clip"
    folder.mkdir(parents=True)
    (folder / "clip.mp4").symlink_to(outside)
    assert Browser(tmp_path).get(f"{RUN}/clip/{WINNER}").status == 404
    (tmp_path / "linked").symlink_to(run.folder)
    assert Browser(tmp_path).get("/run/linked/").status == 404


def test_a_clip_is_sent_by_the_range_that_was_asked_for(tmp_path: Path):
    run = desk_run(tmp_path)
    folder = run.folder / "candidates" / WINNER / "clip-search"
    folder.mkdir(parents=True)
    (folder / "clip.mp4").write_bytes(bytes(range(200)))
    answer = Browser(tmp_path).get(f"{RUN}/clip/{WINNER}", range="bytes=10-19")
    assert (answer.status, answer.body) == (206, bytes(range(10, 20)))
    assert answer.headers["content-range"] == "bytes 10-19/200"


def test_the_report_can_run_nothing(browser: Browser, tmp_path: Path):
    (tmp_path / NAME / "report.html").write_text("<script>alert(1)</script>")
    policy = browser.get(f"{RUN}/report").headers["content-security-policy"]
    assert "script-src" not in policy
    assert "sandbox" in policy


def test_other_methods_are_refused(browser: Browser):
    assert browser.ask("DELETE", f"{RUN}/", {}).status == 405


def test_what_is_vendored_is_what_its_list_says():
    listed = tomllib.loads((STATIC / "vendor" / "vendored.toml").read_text())
    assert set(listed) == {path.name for path in (STATIC / "vendor").iterdir() if path.suffix in (".js", ".css")}
    for name, entry in listed.items():
        assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == entry["sha256"]


def test_a_string_over_several_lines_is_highlighted_line_by_line():
    lines = numbered_lines('def f():\n    """One\n    two"""\n    return 1\n')
    assert len(lines) == 4
    assert all(str(line).count("<span") == str(line).count("</span>") for line in lines)
