"""The fault table: everything an endpoint does wrong, over TCP through the real client, and how the run ends.

`python -m pytest tests/designer/test_llm_faults.py -s` prints it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from designer.archive import Archive
from designer.assemble import make_loop
from designer.display import Silent
from designer.errors import ModelError
from designer.executors.fake import Fake
from designer.journal import CandidateProposed, Event
from designer.llm.openai_compatible import OpenAICompatible
from designer.llm.patience import Patience
from designer.records import Status
from designer.runs import Run
from tests.designer.loopback import Answer, Asked, ScriptedServer, error, reply, scripted_server
from tests.designer.small_run import reply as reward
from tests.designer.small_run import small_run
from tests.designer.test_loop import STARTED

KEY, WRONG_KEY = "sk-right-0123456789", "sk-wrong-0123456789"
PAGE = Answer(body="<!doctype html><html>Log in, please</html>", content_type="text/html")
QUIET = {
    "search": {"rounds": 1, "population": 2, "finalists": 1, "final_seeds": 1},
    "llm": {"critic": 0, "analyst": False, "parallel": 1},
}


class Outcome(NamedTuple):
    """How a run with a faulty endpoint ended. `said`: what the client told while it waited."""

    archive: Archive
    stopped_by: str
    said: list[str]
    waited_s: float
    requests: list[Asked]

    @property
    def end(self) -> str:
        if self.stopped_by:
            return f"stopped, resumable: {self.stopped_by}"
        statuses = [verdict.status for verdict in self.archive.verdicts.values()]
        return f"done, {statuses.count(Status.OK)} of {len(statuses)} candidates sound"


class Sometimes:
    """Answers well, but for the n-th requests (from 0) that have a fault of their own."""

    def __init__(self, faults: dict[int, Answer]) -> None:
        self._faults = faults
        self._count = -1

    def __call__(self, asked: Asked) -> Answer:
        self._count += 1
        return self._faults.get(self._count) or good(1.0 + self._count)


def good(weight: float) -> Answer:
    return reply(reward(weight), usage={"prompt_tokens": 100, "completion_tokens": 10})


class Told(Silent):
    """Tells of every event before the next call is made."""

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell

    def happened(self, event: Event, archive: Archive) -> None:
        self._tell(event)


class World:
    """A run folder, an endpoint on loopback, and time that passes only in pauses."""

    def __init__(self, folder: Path) -> None:
        self.run: Run = small_run(folder, **QUIET)
        self.waits: list[float] = []
        self.said: list[str] = []
        self.on_pause: Callable[[], None] = lambda: None
        self.on_event: Callable[[Event], None] = lambda event: None

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.on_pause()

    def go(self, server: ScriptedServer, key: str = KEY, attempt_s: float = 5.0, total_s: float = 1800.0) -> Outcome:
        """Design, or go on, with one model call at a time."""
        patience = Patience(attempt_s, total_s, self.said.append, self.sleep, lambda: sum(self.waits))
        llm = OpenAICompatible(server.base_url, "m", key, patience)
        loop = make_loop(self.run, Fake(), Told(self.on_event), lambda line: None, llm)
        if loop.archive.started is None:
            loop.record(STARTED)
        stopped_by = ""
        try:
            loop.design(1)
        except ModelError as stop:
            stopped_by = f"{type(stop).__name__}: {stop}"
        return Outcome(self.run.archive(), stopped_by, self.said, sum(self.waits), server.requests)


def ended(folder: Path, faults: dict[int, Answer], **settings) -> Outcome:
    with scripted_server(Sometimes(faults)) as server:
        return World(folder).go(server, **settings)


def show(fault: str, outcome: Outcome) -> None:
    waited = f"waited {outcome.waited_s:.0f} s, " if outcome.waited_s else ""
    print(f"| {fault} | {waited}{outcome.end[:150]} |")


@pytest.mark.parametrize(
    ("fault", "faults", "waited_s"),
    [
        ("429 with Retry-After: 7", {0: error(429, "slow down", retry_after="7")}, 7),
        ("500", {0: error(500, "oops"), 1: error(500, "oops")}, 3),
        ("hang of one attempt", {0: Answer(stall="hang")}, 1),
        ("body that drips for ever", {0: Answer(stall="drip")}, 1),
        ("parameter refused by name", {0: error(400, "Unsupported parameter", param="temperature")}, 0),
        ("parameter refused in a sentence only", {0: error(400, "'temperature' is not supported")}, 0),
        ("`n` ignored (never sent)", {}, 0),
        ("no usage in the answer", {0: reply(reward(3.0))}, 0),
        ("an answer without a choice", {0: Answer(body='{"choices": []}')}, 1),
    ],
)
def test_fault_that_passes_costs_time_only(tmp_path, fault, faults, waited_s):
    outcome = ended(tmp_path, faults, attempt_s=0.5 if any(answer.stall for answer in faults.values()) else 5.0)
    show(fault, outcome)
    assert outcome.stopped_by == ""
    assert [verdict.status for verdict in outcome.archive.verdicts.values()] == [Status.OK, Status.OK]
    assert outcome.archive.finished.winner
    assert outcome.waited_s == waited_s
    assert len(outcome.said) == (len(faults) if waited_s else 0)


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("truncated reply", reply(reward(3.0), finish_reason="length")),
        ("empty reply", reply("")),
        ("content null", reply(None)),
    ],
)
def test_reply_that_holds_no_reward_is_sent_back_once(tmp_path, fault, answer):
    outcome = ended(tmp_path, {0: answer})
    show(fault, outcome)
    assert outcome.stopped_by == ""
    assert sorted(verdict.repairs for verdict in outcome.archive.verdicts.values()) == [0, 1]
    assert {verdict.status for verdict in outcome.archive.verdicts.values()} == {Status.OK}


@pytest.mark.parametrize(
    ("fault", "answer", "error_name"),
    [
        ("HTML page with status 200", PAGE, "ModelRefusedError"),
        ("unknown model (404)", error(404, "no model m"), "ModelRefusedError"),
        ("quota used up (429)", error(429, "pay first", code="insufficient_quota"), "ModelRefusedError"),
    ],
)
def test_fault_that_stays_stops_at_once_and_the_run_goes_on_later(tmp_path, fault, answer, error_name):
    world = World(tmp_path)
    with scripted_server(lambda asked: answer) as server:
        outcome = world.go(server)
    show(fault, outcome)
    assert outcome.stopped_by.startswith(error_name)
    assert len(outcome.requests) <= 2, "one a slot: nothing is repeated"
    with scripted_server(Sometimes({})) as server:
        assert world.go(server).archive.finished.winner


def test_wrong_key_stops_at_once_is_written_nowhere_and_the_run_goes_on_with_the_right_one(tmp_path):
    answers = Sometimes({})

    def guarded(asked: Asked) -> Answer:
        return answers(asked) if KEY in asked.headers["authorization"] else error(401, f"bad key {WRONG_KEY}")

    world = World(tmp_path)
    with scripted_server(guarded) as server:
        refused = world.go(server, key=WRONG_KEY)
        show("wrong key (401)", refused)
        assert refused.stopped_by.startswith("ModelKeyError")
        assert world.waits == []
        resumed = world.go(server)
    assert resumed.archive.finished.winner
    files = [path.read_bytes() for path in world.run.folder.rglob("*") if path.is_file()]
    assert not [content for content in files if WRONG_KEY.encode() in content or KEY.encode() in content]


def test_endless_429_stops_when_the_patience_is_used_up_and_the_run_can_go_on(tmp_path):
    world = World(tmp_path)
    with scripted_server(lambda asked: error(429, "slow down", retry_after="50")) as server:
        outcome = world.go(server, total_s=180.0)
    show("429 for ever, patience 180 s", outcome)
    assert outcome.stopped_by.startswith("ModelUnreachableError")
    with scripted_server(Sometimes({})) as server:
        assert world.go(server).archive.finished.winner


def test_server_that_dies_in_mid_run_and_comes_back_is_waited_for_aloud(tmp_path):
    """The server dies after its first answer; it is there again once two minutes of pauses are over."""
    world = World(tmp_path)
    with ExitStack() as servers:
        first = servers.enter_context(ExitStack())
        server = first.enter_context(scripted_server(lambda asked: good(2.0)))
        port = server.server_port
        proposed = []

        def dies(event: Event) -> None:
            if isinstance(event, CandidateProposed) and not proposed:
                proposed.append(event)
                first.close()

        def comes_back() -> None:
            if sum(world.waits) > 120 and len(proposed) == 1:
                proposed.append(None)
                servers.enter_context(scripted_server(Sometimes({}), port=port))

        world.on_pause, world.on_event = comes_back, dies
        outcome = world.go(server)
    show("server gone in mid-run for two minutes", outcome)
    assert outcome.archive.finished.winner
    assert len(outcome.archive.candidates) == 2
    assert len(outcome.said) == 7
    assert "no connection" in outcome.said[0]
    assert "Asking again in 60 s" in outcome.said[-1]
