"""The report: one well-formed file that loads nothing, trusts no text and works however far a run came."""

from __future__ import annotations

import base64
import hashlib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from designer.archive import HUMAN
from designer.config import Config, LlmConfig
from designer.display import Silent
from designer.errors import DiskError
from designer.executors.fake import Fake
from designer.journal import Journal, RunFinished, Screened
from designer.loop import Loop
from designer.proposers import Draft
from designer.records import Fault, Remark, Trace
from designer.review.code import diff, highlighted, with_shares
from designer.review.lineage import family_of, outcome
from designer.review.report import write_report
from designer.runs import Run
from designer.search.halving import Halving
from designer.showing import status_of
from designer.workbench import Workbench
from tests.designer.example_run import (
    FINAL,
    SOURCE,
    WINNER,
    candidate,
    example_run,
    example_task,
    finals,
    finished,
    proposed,
    rounds,
    started,
    trained,
    trial,
)

ADDRESSES = {"src", "href", "xlink:href", "poster", "action", "srcset"}
VOID = {"meta", "link", "br", "img", "input", "hr", "source"}
HOSTILE = "</script></style></pre><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\u202e" + "x" * 1_000_000


class Reader(HTMLParser):
    """Notes open tags, addresses, handlers and text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.metas: dict[str, str] = {}
        self.words: list[str] = []
        self.ids: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.tags.add(tag)
        self.addresses += [value for name, value in attrs if name in ADDRESSES]
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        self.ids += [named["id"]] if "id" in named else []
        if "http-equiv" in named:
            self.metas[named["http-equiv"]] = named["content"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, self.getpos()

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def read(run: Run) -> Reader:
    reader = Reader(write_report(run).read_text(encoding="utf-8"))
    assert reader.open == []
    return reader


RUNS = {
    "finished": finished(),
    "no winner": finished({HUMAN: FINAL[HUMAN]}, winner=None),
    "one seed": finished({WINNER: (4.0,)}),
    "unfinished": rounds(),
    "begun": [started()],
    "empty": [],
}


@pytest.mark.parametrize("events", RUNS.values(), ids=RUNS.keys())
def test_is_well_formed_and_loads_nothing(tmp_path: Path, events) -> None:
    reader = read(example_run(tmp_path, events))
    assert reader.addresses == []
    assert reader.handlers == []
    assert "script" not in reader.tags
    assert len(reader.ids) == len(set(reader.ids))
    assert "nan" not in reader.text.lower().split()


def test_policy_allows_only_its_own_style_sheet(tmp_path: Path) -> None:
    html = write_report(example_run(tmp_path, finished())).read_text()
    style = html.partition("<style>")[2].partition("</style>")[0]
    policy = Reader(html).metas["Content-Security-Policy"]
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ")
    assert f"style-src 'sha256-{hashed}'" in policy
    assert "unsafe" not in policy
    assert html.count("<style>") == 1


def test_tells_the_verdict_what_was_on_and_the_costs(tmp_path: Path) -> None:
    text = read(example_run(tmp_path, finished())).text
    for told in (
        "Make the half-cheetah run backward.",
        "the human-written reward 4.12 (3.66 to 4.58): not separable",
        "embedded: own user, no network, Landlock, seccomp",
        "given: mean(-torso_velocity[x]) [m/s]",
        "search 1; final 1000 to 1004",
        "0.180 (-0.235 to 0.595)",
        "winner is above",
        "mutate of g01c00",
        "5 tried, 1 refused before training",
        f"designer run {tmp_path}",
        "no model was called",
        "There are no clips: none could be drawn on this machine, or none has been yet.",
    ):
        assert told in text


def test_a_refused_candidate_is_shown_with_its_fault(tmp_path: Path) -> None:
    text = read(example_run(tmp_path, rounds())).text
    assert "rejected before training" in text
    assert "line 7: s.speed is no field. Did you mean torso_velocity?" in text


def test_an_unfinished_run_says_so(tmp_path: Path) -> None:
    assert "Not finished: this is how far it came." in read(example_run(tmp_path, rounds())).text


def test_hostile_text_stays_text_and_is_capped(tmp_path: Path) -> None:
    fault = Fault(line=1, message=HOSTILE, hint=HOSTILE)
    loud = Trace(name=HOSTILE, mean=(1e308, -1e308), low=-1e308, high=1e308)
    events = [
        started().model_copy(update={"proposer": HOSTILE, "sandbox": HOSTILE, "fitness": HOSTILE, "version": HOSTILE}),
        proposed(candidate("g01c00", why=HOSTILE, expects=HOSTILE, source=HOSTILE, parents=(HOSTILE,))),
        proposed(candidate("g01c01", parents=("g01c00",), source=HOSTILE[::-1]), (fault,)),
        trained(trial("g01c00", "search", 1, 1.0).model_copy(update={"traces": (loud,)})),
        finals("g01c00", (1.0, 2.0)).model_copy(update={"walls": HOSTILE}),
        RunFinished(reason=HOSTILE, winner="g01c00"),
    ]
    task = example_task(text=HOSTILE, human_origin=HOSTILE, fitness_unit=HOSTILE[:60])
    html = write_report(example_run(tmp_path, events, task)).read_text()
    reader = Reader(html)
    assert reader.open == []
    assert not {"script", "img"} & reader.tags
    assert reader.addresses == reader.handlers == []
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert len(html) < 200_000
    assert "alert(1)" in reader.text


def test_clips_are_embedded(tmp_path: Path) -> None:
    run = example_run(tmp_path, finished())
    (tmp_path / "clip.mp4").write_bytes(b"winner film")
    (tmp_path / "clip-human.mp4").write_bytes(b"human film")
    shown = [base64.b64decode(address.removeprefix("data:video/mp4;base64,")) for address in read(run).addresses]
    assert shown == [b"winner film", b"human film"]


def test_an_empty_clip_is_no_clip(tmp_path: Path) -> None:
    run = example_run(tmp_path, finished())
    (tmp_path / "clip.mp4").write_bytes(b"")
    assert read(run).addresses == []


def test_says_why_there_is_no_clip(tmp_path: Path) -> None:
    off = example_run(tmp_path / "off", finished(), config=Config(clips=False))
    assert "they were turned off (clips = false)" in read(off).text
    assert "there is no winner to film" in read(example_run(tmp_path / "none", finished({}, winner=None))).text


def test_of_an_endpoint_address_only_the_host_is_printed(tmp_path: Path) -> None:
    config = Config(llm=LlmConfig(base_url="https://models.example/teams/secret/v1"))
    text = read(example_run(tmp_path, finished(), config=config)).text
    assert "models.example" in text
    assert "secret" not in text


def test_a_report_that_cannot_be_written_is_a_disk_error(tmp_path: Path) -> None:
    run = example_run(tmp_path, finished())
    (tmp_path / "report.html").mkdir()
    with pytest.raises(DiskError, match=r"report\.html"):
        write_report(run)


def test_code_keeps_every_character_that_can_be_printed() -> None:
    source = 'x = "<b>" & 1  # a > b\n\ndef f():\n\treturn None\n'
    reader = Reader(f"<pre>{highlighted(source)}</pre>")
    assert "".join(reader.words) == source
    assert '<span class="k">def</span>' in highlighted(source)


def test_code_that_is_no_python_is_escaped() -> None:
    assert "<script" not in highlighted("<script>'''\x00\x1b")


def test_diff_shows_what_changed_from_the_parent() -> None:
    shown = diff("a = 1\nb = 2\n", "a = 1\nb = <3>\n", "g01c00", "g02c01")
    assert '<span class="del">-b = 2</span>' in shown
    assert '<span class="add">+b = &lt;3&gt;</span>' in shown
    assert diff("a\n", "a\n", "p", "q") == ""


class Copyist:
    """A proposer that always writes the same reward, with another number."""

    name = "copyist"

    def propose(self, brief, slot):
        return Draft(source=SOURCE.format(direction="back", temperature=1.0 + slot.sample), why="a try")

    def repair(self, brief, slot, draft, faults, attempt):
        return None


def test_a_run_by_the_real_loop_is_reported(tmp_path: Path) -> None:
    settings = {"search": {"rounds": 2, "population": 2, "final_seeds": 3}, "clips": False}
    run = example_run(tmp_path, [started()], config=Config.model_validate(settings))
    bench = Workbench(run.task, run.table, run.config, Fake(), run.folder)
    journal = Journal(run.journal, clock=lambda: 100.0)
    loop = Loop(bench, Halving(run.config.search, run.baselines), Copyist(), journal, run.archive(), Silent())
    archive = loop.design(slots=1)
    assert archive.finished is not None
    text = read(run).text
    assert f"{archive.finished.winner} reaches" in text
    assert "4 tried, 0 refused before training" in text
    assert "fake (nothing is run)" in text


def test_begins_with_how_it_ended_in_one_sentence(tmp_path: Path) -> None:
    text = read(example_run(tmp_path, finished())).text
    lead = (
        f"{WINNER} solves the task; it is better than the fitness as reward; it is not separable from the human-written reward."
    )
    assert lead in text, text[:600]
    assert text.index(lead) < text.index("4.30")


def test_each_terms_share_stands_behind_the_line_that_makes_it() -> None:
    source = "def reward(s, a):\n    run = s.x\n    run = 2 * run\n    return {'run': run, 'effort': -a.sum(-1), 'late': s.y}\n"
    lines = with_shares(source, {"run": 0.9, "effort": 0.07, "late": 0.03, "unknown": 0.0}).split("\n")
    assert [k for k, line in enumerate(lines, start=1) if 'class="share"' in line] == [3, 4]
    assert lines[2].endswith('<span class="share">run 90%</span>')
    assert lines[3].endswith('<span class="share">effort 7%, late 3%</span>')
    assert "share" not in with_shares("no python {", {"run": 1.0})


def test_an_alarm_has_its_sentence_and_its_clip_in_a_section_of_its_own(tmp_path: Path) -> None:
    spin = Trace(name="spin", mean=tuple(0.5 * k for k in range(10)), low=0.0, high=4.5)
    still = trial("g01c00", "search", 1, 0.1)
    scores = tuple(score.model_copy(update={"fitness": 0.1}) for score in still.scores)
    events = finished()
    events.insert(-1, trained(still.model_copy(update={"seed": 2, "scores": scores, "traces": (spin,)})))
    run = example_run(tmp_path, events)
    film = tmp_path / "candidates" / "g01c00" / "clip-search"
    film.mkdir(parents=True, exist_ok=True)
    (film / "clip.mp4").write_bytes(b"a spinning film")
    reader = read(run)
    assert [base64.b64decode(a.removeprefix("data:video/mp4;base64,")) for a in reader.addresses] == [b"a spinning film"]
    alarm = reader.text.index("the reward rose from 0 to 4.5 a step")
    assert reader.text.index("Alarms An alarm changes no score") < alarm < reader.text.index("What was tried")


def test_a_copy_is_told_as_what_it_is_and_drawn_once(tmp_path: Path) -> None:
    flag = Remark(candidate="g02c09", source="guard", kind="flag", text="duplicate: it pays as g01c00 does", blocking=True)
    same = Screened(candidate="g02c09", nearest="g01c00", distance=0.01, duplicate_of="g01c00", remarks=(flag,))
    events = [*finished()[:-1], proposed(candidate("g02c09", parents=("g01c00",))), same]
    run = example_run(tmp_path, events)
    score = run.archive().search_score("g01c00")
    assert outcome(run.archive(), run.archive().candidates["g02c09"]) == (
        f"the same reward as g01c00: search {score:.2f}",
        True,
    )
    assert status_of(run.archive(), run.archive().candidates["g02c09"]) == "the same as g01c00"
    assert "g02c09" not in [node.name for node in family_of(run.archive(), None, 200)]


def test_what_its_audit_kept_out_was_not_simply_not_trained_yet(tmp_path: Path) -> None:
    flag = Remark(candidate="g02c09", source="guard", kind="flag", text="audit: it is not trained", blocking=True)
    events = [*finished()[:-1], proposed(candidate("g02c09")), Screened(candidate="g02c09", remarks=(flag,))]
    archive = example_run(tmp_path, events).archive()
    assert outcome(archive, archive.candidates["g02c09"]) == ("kept out of training by a guard", False)
    assert status_of(archive, archive.candidates["g02c09"]) == "kept out"


def test_a_run_by_an_unverified_fitness_begins_with_that_and_claims_nothing(tmp_path: Path) -> None:
    task = example_task(fitness_origin="derived, unverified")
    text = read(example_run(tmp_path, finished(), task)).text
    assert "solves the task" not in text.partition("Final results")[0]
    assert "Verdict Derived, unverified: " in text
