"""What a person is told while a run goes on."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from designer.archive import Archive
from designer.display import LiveTable, Plain, clock, count, told
from designer.journal import CallFinished, CallStarted, RunFinished
from designer.proposers import Slot
from designer.records import Fault, Verb
from designer.search import Batch
from tests.designer.example_run import candidate, crashed, finals, finished, proposed, trained, trial


def lines(display_of) -> str:
    screen = io.StringIO()
    display_of(Console(file=screen, width=100))
    return screen.getvalue()


def test_accepted_candidate_is_told_with_its_reason():
    line = told(proposed(candidate("g02c01", Verb.MUTATE, ("g01c00",))), "m/s")
    assert line.startswith("g02c01 mutate from g01c00: Saturating speed")


def test_refused_candidate_is_told_with_its_first_fault():
    fault = Fault(line=7, message="s.speed is no field.", hint="Did you mean torso_velocity?")
    line = told(proposed(candidate("g01c01"), (fault,)), "m/s")
    assert line == "g01c01 init: rejected: line 7: s.speed is no field. Did you mean torso_velocity?"


def test_training_is_told_by_its_mean_and_spread():
    assert told(finals("human", (3.0, 5.0)), " m/s") == ("human-written reward trained: fitness 4 m/s (2 seeds, 3 to 5, 14 s)")
    assert told(trained(trial("g01c00", "search", 1, 3.4)), " m/s") == "g01c00 trained: fitness 3.4 m/s (1 seed, 14 s)"


def test_failed_training_is_told_with_its_error():
    assert told(trained(crashed("g01c02")), "m/s") == "g01c02: crashed: line 8: shapes don't fit"


def test_call_is_told_and_unknown_tokens_are_not_zero():
    call = {"key": "r01-init-s00-a0", "model": "m", "prompt_tokens": None}
    assert told(CallFinished(**call, completion_tokens=None), "") == "m answered r01-init-s00-a0 (tokens unknown)"
    assert told(CallFinished(**call, completion_tokens=1), "").endswith("(1 token)")
    assert told(CallStarted(key="k", request="r"), "") == ""


def test_text_of_a_model_can_not_draw_on_the_terminal():
    hostile = candidate("g01c00", why="\x1b[2J\x07[bold]x[/bold]\r\nsecond line")
    line = told(proposed(hostile), "")
    assert "\x1b" not in line
    assert "\n" not in line
    assert "[bold]" in lines(lambda console: Plain(console, "").happened(proposed(hostile), Archive()))


def test_name_of_a_served_model_can_not_draw_on_the_terminal():
    call = CallFinished(key="k", model="\x1b]0;owned\x07[red]gpt[/red]", prompt_tokens=None, completion_tokens=None)
    shown = lines(lambda console: Plain(console, "").happened(call, Archive()))
    assert shown == "]0;owned[red]gpt[/red] answered k (tokens unknown)\n"


def test_plain_display_tells_a_whole_run_line_by_line():
    archive = Archive()

    def show(console):
        display = Plain(console, "m/s")
        display.proposing((Slot(round=1, sample=0, verb=Verb.INIT),))
        display.training((Batch("g01c00", "search", (1,)), Batch("human", "final", (1, 2))))
        display.progress(Batch("g01c00", "search", (1,)), {"share": 0.5})
        for event in finished():
            archive.add(event)
            display.happened(event, archive)

    shown = lines(show)
    assert shown.startswith("round 1: asking for 1 reward\ntraining g01c00 (1 seed), human (2 seeds)\n")
    assert shown.endswith("done: all rounds and the final trainings are done\n")


@pytest.mark.parametrize(
    ("since", "until", "told"),
    [(0.0, 1.0, ""), (0.0, 0.5, ", to 50%"), (0.25, 0.5, ", from 25% to 50%"), (0.5, 1.0, ", from 50% on")],
)
def test_piece_of_a_training_is_told(since, until, told):
    batch = Batch("g01c00", "search", (1,), since=since, until=until)
    assert lines(lambda console: Plain(console, "").training((batch,))) == f"training g01c00 (1 seed{told})\n"


@pytest.mark.parametrize(
    "numbers",
    [
        {},
        {"share": 7.0, "steps_per_s": -3.0},
        {"share": -1.0},
        {"unknown": 1e300},
        {"share": 1e300, "steps_per_s": 1e-320},
        {"steps_per_s": 1e300},
    ],
)
def test_live_table_takes_whatever_a_box_reports(numbers):
    def show(console):
        with LiveTable(console, "m/s", planned_steps=1000) as display:
            display.progress(Batch("g01c00", "search", (1,)), numbers)
            display.happened(RunFinished(reason="enough", winner=None), Archive())

    assert "done: enough" in lines(show)


def test_numbers_are_said_as_people_say_them():
    assert [count(1, "seed"), count(2000, "seed")] == ["1 seed", "2,000 seeds"]
    assert [clock(s) for s in (0.4, 59.4, 200, 3599.6, 7500)] == ["0 s", "59 s", "3 min 20 s", "1 h 00 min", "2 h 05 min"]
