"""What a candidate or a model writes reaches every sink as data: capped, without control characters, fenced, escaped."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from rich.console import Console
from rich.text import Text

from designer.archive import Archive
from designer.check import check
from designer.display import LiveTable, Plain
from designer.executors.stream import FrameReader
from designer.llm.scripted import Scripted
from designer.proposers import Brief, Draft, Entry, Slot
from designer.proposers.llm import LanguageModel
from designer.records import Candidate, Fault, Remark, Status, Trace, Trial, Verb, Verdict
from designer.review.report import write_report
from designer.runs import Run
from designer.showing import show_candidate, show_run, show_runs
from designer.text import one_line, printable
from tests.designer.cheetah_table import cheetah_table
from tests.designer.example_run import crashed, example_run, finished, proposed, trained, trial
from tests.designer.hostile import HOSTILE, shown
from tests.designer.small_run import task

PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
SOURCE = f'"""{HOSTILE}"""\n'


def hostile_candidate(name: str = "g01c00") -> Candidate:
    sample = int(name[-2:])
    return Candidate(
        id=name, round=1, sample=sample, verb=Verb.INIT, proposer=HOSTILE, why=HOSTILE, expects=HOSTILE, source=SOURCE
    )


@pytest.fixture
def hostile_run(tmp_path: Path) -> Run:
    """A finished run in which everything that a model or a box may write is hostile."""
    events = list(finished())
    traces = (Trace(name=HOSTILE[:60], mean=(0.0, 1.0), low=0.0, high=1.0),)
    for place, event in enumerate(events):
        if hasattr(event, "candidate"):
            kept = event.candidate
            changed = kept.model_copy(update={"why": HOSTILE, "expects": HOSTILE, "source": SOURCE, "proposer": HOSTILE})
            events[place] = event.model_copy(update={"candidate": changed})
        elif hasattr(event, "trials"):
            trials = tuple(t.model_copy(update={"traces": traces, "error": HOSTILE}) for t in event.trials)
            events[place] = event.model_copy(update={"trials": trials, "walls": HOSTILE})
    return example_run(tmp_path / "run", events, task(text=HOSTILE))


# The text itself -----------------------------------------------------------------------------------------------------


def test_printable_drops_what_no_one_sees_and_caps():
    assert not shown(printable(HOSTILE, 10_000))
    assert printable(HOSTILE, 10_000).endswith("end")
    assert len(printable("x" * 10**6)) < 4100
    assert printable("naïve – 日本 ⟨ψ⟩ \t\n") == "naïve – 日本 ⟨ψ⟩ \t\n"
    assert "\n" not in one_line(HOSTILE)


# Terminals -----------------------------------------------------------------------------------------------------------


def screens(show) -> list[str]:
    """Return what is shown on a plain screen and on a terminal, with every escape that rich itself wrote removed."""
    plain, colours = io.StringIO(), io.StringIO()
    show(Console(file=plain, width=120))
    show(Console(file=colours, width=120, force_terminal=True, legacy_windows=False))
    return [plain.getvalue(), Text.from_ansi(colours.getvalue()).plain]


@pytest.mark.parametrize("name", ["g01c00", "g01c01"])
def test_show_takes_every_text_for_what_it_is(hostile_run, name):
    (hostile_run.folder / "llm").mkdir()
    exchange = {
        "request": {"messages": [{"role": "user", "content": HOSTILE}]},
        "reply": {"model": HOSTILE, "text": HOSTILE},
    }
    (hostile_run.folder / "llm" / f"r01-init-s{name[-2:]}-a0.json").write_text(json.dumps(exchange))
    for show in (
        lambda console: show_candidate(hostile_run, name, True, console),
        lambda console: show_run(hostile_run, console),
        lambda console: show_runs(hostile_run.folder.parent, console),
    ):
        plain, coloured = screens(show)
        assert not shown(plain)
        assert not shown(coloured)
        if "[red" in plain:
            assert "[red]red[/red]" in plain.replace("\n", "")
    assert "[reply of start]0;owned" in screens(lambda console: show_candidate(hostile_run, name, True, console))[0]


def test_lines_of_a_run_take_every_text_for_what_it_is():
    events = [
        proposed(hostile_candidate()),
        proposed(hostile_candidate("g01c01"), (Fault(line=1, message=HOSTILE, hint=HOSTILE),)),
        trained(crashed("g01c01").model_copy(update={"error": HOSTILE})),
        trained(trial("g01c00", "search", 1, 1.0)),
    ]
    archive = Archive()

    def tell(display: Plain) -> None:
        for event in events:
            archive.add(event)
            display.happened(event, archive)

    def live(console: Console) -> None:
        with LiveTable(console, HOSTILE[:20], 1000) as display:
            tell(display)

    for show in (lambda console: tell(Plain(console, "m/s")), live):
        archive = Archive()
        for screen in screens(show):
            assert not shown(screen)
            assert "g01c01" in screen


def test_error_of_the_command_line_takes_every_text_for_what_it_is(tmp_path):
    command = [sys.executable, "-m", "designer.cli", "show", str(tmp_path / "\x1b[2J\u202e[red]")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
    assert ended.returncode == 2
    assert not shown(ended.stderr)
    assert "[2J[red]" in ended.stderr


# Pages ---------------------------------------------------------------------------------------------------------------


class Elements(HTMLParser):
    """The elements and attributes of a page, as a browser would see them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}


def test_report_escapes_every_text(hostile_run):
    page = write_report(hostile_run).read_text()
    seen = Elements()
    seen.feed(page)
    assert "script" not in seen.tags
    assert "img" not in seen.tags
    assert not {name for name in seen.attributes if name.startswith("on")}
    assert not shown(page)
    assert "alert(1)" in page  # it is there, as text
    assert "{{ 7*7 }}" in page
    assert "49" not in page.split("{{ 7*7 }}")[1][:20]


# Prompts -------------------------------------------------------------------------------------------------------------


def hostile_prompts() -> list[str]:
    """Every prompt, with a hostile text wherever a candidate or a model may put one."""
    candidate = hostile_candidate()
    trace = Trace(name=HOSTILE[:60], mean=(0.0, 1.0), low=0.0, high=1.0)
    failed = Trial(
        candidate="g01c00", purpose="search", seed=1, status=Status.CRASHED, error=HOSTILE, steps=1, scores=(), traces=(trace,),
        folder="f", train_cpu_s=0.0, wall_s=0.0,
    )  # fmt: skip
    fault = Fault(line=3, message=HOSTILE, hint=HOSTILE)
    remark = Remark(candidate="g01c00", source=HOSTILE, kind="text", text=HOSTILE)
    good = trial("g01c02", "search", 1, 2.0)
    entries = [
        Entry(candidate=candidate, verdict=Verdict(status=Status.OK), trials=(failed,), remarks=(remark,)),
        Entry(
            candidate=hostile_candidate("g01c01"),
            verdict=Verdict(status=Status.REJECTED, faults=(fault,)),
            trials=(),
            remarks=(),
        ),
        Entry(candidate=hostile_candidate("g01c02"), verdict=Verdict(status=Status.OK), trials=(good,), remarks=()),
    ]
    model = LanguageModel(Scripted(lambda request: ""), PROMPTS)
    brief = Brief(task(text=HOSTILE), cheetah_table(), tuple(entries), 0)
    draft = Draft(source=SOURCE, why=HOSTILE, expects=HOSTILE, faults=(fault,))
    slots = [
        Slot(round=2, sample=0, verb=Verb.INIT),
        Slot(round=2, sample=1, verb=Verb.MUTATE, parents=("g01c00",)),
        Slot(round=2, sample=2, verb=Verb.CROSSOVER, parents=("g01c00", "g01c02")),
    ]
    return [*(model.prompt(brief, slot) for slot in slots), model.repair_prompt(brief, draft, (fault,))]


@pytest.mark.parametrize("number", range(4))
def test_prompt_keeps_every_text_inside_a_quote_or_a_block(number):
    prompt = hostile_prompts()[number]
    assert not shown(prompt)
    assert prompt.count("IGNORE ALL PREVIOUS") >= 2
    tokens = MarkdownIt("commonmark").parse(prompt)
    outside = [
        child.content
        for token in tokens
        if token.type == "inline"
        for child in token.children or []
        if child.type not in ("code_inline", "softbreak")
    ]
    assert not [text for text in outside if "SYSTEM" in text or "IGNORE" in text or "alert" in text]
    assert not [token for token in tokens if token.type == "html_block"]


# Files ---------------------------------------------------------------------------------------------------------------


def test_files_of_a_box_hold_nothing_that_a_terminal_would_obey(tmp_path):
    reader = FrameReader(tmp_path, 10**6, lambda numbers: None)
    text = json.dumps({"status": "crashed", "error": HOSTILE.replace("\x00", "")}, ensure_ascii=False).encode()
    lines = text + b'\n\x1b[2J no json\n{"a": NaN}\n{"steps": 1}\n'
    for name, payload in (("curves.jsonl", lines), ("result.json", text)):
        head = b"DSGN" + bytes([len(name)]) + name.encode() + len(payload).to_bytes(8, "big")
        reader.feed(head + payload)
    for path in (tmp_path / "curves.jsonl", tmp_path / "result.json"):
        assert not shown(path.read_text().replace("\n", ""))
        assert path.read_bytes().isascii()
    assert len((tmp_path / "curves.jsonl").read_text().splitlines()) == 2
    assert reader.result["error"].endswith("end")


@pytest.mark.parametrize("character", ["\u202e", "\u200b", "\x1b", "\ufe0f", "\U000e0041"])
@pytest.mark.parametrize("place", ["# {}", "x = '{}'", 'def reward(s, a):\n    """{}"""'])
def test_check_refuses_code_that_a_person_would_not_see(character, place):
    source = "import torch\n" + place.format(character)
    (fault,) = check(source, cheetah_table())
    assert f"U+{ord(character):04X}" in fault.message
    assert fault.line == source[: source.index(character)].count("\n") + 1
