"""The store, the replay and the doubles: nothing is bought twice, and everything asked is on disk."""

from __future__ import annotations

import json

import pytest

from designer.errors import DiskError, ModelUnreachableError, ReplyMissingError, RunBrokenError
from designer.llm import CallKey, Message, Reply, Request
from designer.llm.manual import Manual
from designer.llm.replay import Replay
from designer.llm.scripted import Scripted
from designer.llm.store import Stored


def request(sample=0, text="Run."):
    key = CallKey(round=1, role="mutate", sample=sample, attempt=0)
    return Request(key=key, messages=(Message(role="user", content=text),))


class Told:
    """Notes what the store tells, in order."""

    def __init__(self):
        self.events = []

    def store(self, llm, folder):
        return Stored(
            llm,
            folder,
            lambda asked: self.events.append(("started", str(asked.key), asked.digest)),
            lambda asked, reply: self.events.append(("finished", str(asked.key), reply.text)),
            lambda key, stored, asked: self.events.append(("changed", stored, asked)),
        )


def test_exchange_is_on_disk_before_it_is_finished(tmp_path):
    files = []
    llm = Scripted(["hello"])
    folder = tmp_path / "llm"
    Stored(llm, folder, lambda *a: None, lambda key, reply: files.extend(folder.iterdir())).complete(request())
    assert [file.name for file in files] == ["r01-mutate-s00-a0.json"]
    exchange = json.loads(files[0].read_text())
    assert exchange["reply"]["text"] == "hello"
    assert exchange["request"]["messages"][0]["content"] == "Run."
    assert exchange["request_hash"] == request().digest


def test_stored_reply_is_not_bought_again(tmp_path):
    told = Told()
    llm = Scripted(["hello", "dear"])
    first = told.store(llm, tmp_path).complete(request())
    again = told.store(llm, tmp_path).complete(request())
    assert first == again == Reply(text="hello", model="scripted")
    assert llm.calls == 1
    assert [event[0] for event in told.events] == ["started", "finished", "finished"]


def test_changed_request_still_gets_the_stored_reply_and_a_note(tmp_path):
    told = Told()
    llm = Scripted(["hello", "dear"])
    told.store(llm, tmp_path).complete(request())
    assert told.store(llm, tmp_path).complete(request(text="Jump.")).text == "hello"
    assert told.events[2] == ("changed", request().digest, request(text="Jump.").digest)


def test_call_that_was_in_flight_is_repeated(tmp_path):
    told = Told()

    def unreachable(asked):
        raise ModelUnreachableError("gone")

    with pytest.raises(ModelUnreachableError):
        told.store(Scripted(unreachable), tmp_path).complete(request())
    assert told.store(Scripted(["hello"]), tmp_path).complete(request()).text == "hello"
    assert [event[0] for event in told.events] == ["started", "started", "finished"]


def test_torn_draft_of_a_file_is_no_reply(tmp_path):
    (tmp_path / ".r01-mutate-s00-a0.json.1.tmp").write_text('{"request"')
    assert Told().store(Scripted(["hello"]), tmp_path).complete(request()).text == "hello"


def test_broken_file_is_named(tmp_path):
    (tmp_path / "r01-mutate-s00-a0.json").write_text("{}")
    with pytest.raises(RunBrokenError, match=r"r01-mutate-s00-a0\.json"):
        Told().store(Scripted(["hello"]), tmp_path).complete(request())


def test_unwritable_folder_is_a_disk_error(tmp_path):
    (tmp_path / "llm").write_text("a file where the folder should be")
    with pytest.raises(DiskError, match="llm"):
        Told().store(Scripted(["hello"]), tmp_path / "llm").complete(request())


def test_replay_answers_by_place_and_notes_another_prompt(tmp_path):
    Told().store(Scripted(["hello"]), tmp_path).complete(request())
    changes = []
    replay = Replay(tmp_path, lambda *change: changes.append(change))
    assert replay.complete(request()).text == "hello"
    assert changes == []
    assert replay.complete(request(text="Jump.")).text == "hello"
    assert changes == [(request().key, request().digest, request(text="Jump.").digest)]


def test_replay_names_the_missing_call(tmp_path):
    with pytest.raises(ReplyMissingError, match="r01-mutate-s03-a0"):
        Replay(tmp_path).complete(request(sample=3))


def test_scripted_model_answers_in_order_then_says_that_it_is_done():
    llm = Scripted(["one", Reply(text="two", model="m", finish_reason="length")])
    assert llm.complete(request()).text == "one"
    assert llm.complete(request(sample=1)).finish_reason == "length"
    with pytest.raises(ReplyMissingError, match="2 replies"):
        llm.complete(request(sample=2))
    assert [asked.key.sample for asked in llm.requests] == [0, 1, 2]


def test_scripted_model_takes_a_function():
    llm = Scripted(lambda asked: f"sample {asked.key.sample}")
    assert llm.complete(request(sample=4)).text == "sample 4"


def test_manual_reply_comes_from_a_file_once_it_is_whole(tmp_path):
    answer = tmp_path / "r01-mutate-s00-a0.reply.md"
    looks = iter([lambda: None, lambda: answer.write_text("hel"), lambda: answer.write_text("hello"), lambda: None])
    said = []
    manual = Manual(tmp_path, tell=said.append, sleep=lambda seconds: next(looks)())
    assert manual.complete(request()).text == "hello"
    assert "Run." in (tmp_path / "r01-mutate-s00-a0.prompt.md").read_text()
    assert str(answer) in said[0]


def test_manual_reply_is_pasted_up_to_a_dot(tmp_path):
    lines = iter(["one\n", "..\n", "two\n", ".\n", "not read\n"])
    manual = Manual(tmp_path, interactive=True, tell=lambda text: None, read_line=lambda: next(lines))
    assert manual.complete(request()).text == "one\n..\ntwo\n"


def test_closed_terminal_is_an_error(tmp_path):
    manual = Manual(tmp_path, interactive=True, tell=lambda text: None, read_line=lambda: "")
    with pytest.raises(ModelUnreachableError, match="terminal"):
        manual.complete(request())
