"""The endpoint client, over real TCP with the real SDK: what it answers, retries, drops and refuses."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack

import pytest

from designer.errors import ConfigError, ModelKeyError, ModelRefusedError, ModelUnreachableError, RunBrokenError
from designer.llm import CallKey, Message, Request
from designer.llm.capabilities import Capabilities
from designer.llm.openai_compatible import OpenAICompatible
from designer.llm.patience import Patience
from designer.llm.store import Stored
from designer.proposers.llm import LanguageModel
from tests.designer.loopback import Answer, error, reply, scripted_server
from tests.designer.prompt_material import FOLDER, GOOD, SOURCE, brief, slot

KEY = "sk-secret-1234567890"
REQUEST = Request(
    key=CallKey(round=0, role="init", sample=0, attempt=0),
    messages=(Message(role="system", content="You write rewards."), Message(role="user", content="Run.")),
)


class Clock:
    """Time that passes only in pauses. `waits` are the pauses [s]."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def now(self) -> float:
        return sum(self.waits)


def patient(clock: Clock, **settings) -> Patience:
    return Patience(sleep=clock.sleep, clock=clock.now, **settings)


def ask(script, parameters=None, **patience):
    """Ask a scripted server once. Return (reply or raised error, what the server was asked, the waits [s])."""
    clock = Clock()
    waits = clock.waits
    with scripted_server(script) as server:
        llm = OpenAICompatible(server.base_url, "m", KEY, patient(clock, **patience), parameters)
        try:
            outcome = llm.complete(REQUEST)
        except (ModelKeyError, ModelRefusedError, ModelUnreachableError) as raised:
            outcome = raised
        return outcome, server.requests, waits


def test_good_reply_carries_text_model_and_tokens():
    answer, asked, _ = ask([reply("hello", usage={"prompt_tokens": 7, "completion_tokens": 3})])
    assert answer.text == "hello"
    assert answer.model == "served-model"
    assert (answer.prompt_tokens, answer.completion_tokens, answer.cached_tokens) == (7, 3, None)
    assert asked[0].path == "/v1/chat/completions"
    assert asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert asked[0].body["messages"] == [message.model_dump() for message in REQUEST.messages]
    assert asked[0].body["temperature"] == 1.0


def test_cached_and_reasoning_tokens_are_read():
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 5}}
    answer, _, _ = ask([reply("hello", usage={**usage, "completion_tokens_details": {"reasoning_tokens": 2}})])
    assert (answer.cached_tokens, answer.reasoning_tokens) == (5, 2)


def test_one_choice_is_asked_for_and_the_first_of_several_is_taken():
    two = json.loads(reply("one").body)
    two["choices"].append({"index": 1, "finish_reason": "stop", "message": {"role": "assistant", "content": "two"}})
    answer, asked, _ = ask([Answer(body=json.dumps(two))])
    assert answer.text == "one"
    assert "n" not in asked[0].body


def test_missing_usage_is_unknown_not_zero():
    answer, _, _ = ask([reply("hello")])
    assert answer.prompt_tokens is None
    assert answer.completion_tokens is None


def test_truncated_reply_says_so():
    assert ask([reply("def rew", finish_reason="length")])[0].finish_reason == "length"


@pytest.mark.parametrize("text", ["", None])
def test_empty_text_is_a_reply(text):
    assert ask([reply(text)])[0].text == ""


def test_content_in_parts_and_a_lone_surrogate_are_read():
    parts = Answer(body='{"choices": [{"message": {"content": [{"type": "text", "text": "a\\ud800b"}]}}]}')
    answer, _, _ = ask([parts])
    assert answer.text == "a?b"
    assert answer.model == "m"


def test_429_is_asked_again_after_the_time_it_names():
    answer, asked, waits = ask([error(429, "slow down", retry_after="7"), reply("ok")])
    assert answer.text == "ok"
    assert waits == [7.0]
    assert len(asked) == 2


def test_waits_grow_when_a_server_fails_and_names_no_time():
    answer, _, waits = ask([error(500, "oops"), error(503, "busy"), reply("ok")])
    assert answer.text == "ok"
    assert waits == [1.0, 2.0]


def test_attempts_are_bounded():
    raised, asked, waits = ask([error(500, "oops")] * 9, total_s=5.0)
    assert isinstance(raised, ModelUnreachableError)
    assert (len(asked), waits) == (3, [1.0, 2.0])
    assert "status 500: " in str(raised)
    assert "3 attempts" in str(raised)


def test_a_wait_beyond_the_time_limit_is_not_begun():
    raised, asked, waits = ask([error(429, "slow down", retry_after="3600"), reply("ok")], total_s=60.0)
    assert isinstance(raised, ModelUnreachableError)
    assert "asks to wait 3600 s" in str(raised)
    assert (len(asked), waits) == (1, [])


@pytest.mark.parametrize("stall", ["hang", "drip"])
def test_time_limit_bounds_the_whole_call(stall):
    before = time.monotonic()
    with scripted_server([Answer(stall=stall)] * 20) as server:
        llm = OpenAICompatible(server.base_url, "m", KEY, Patience(attempt_s=0.2, total_s=0.5, sleep=lambda seconds: None))
        with pytest.raises(ModelUnreachableError, match="no answer within"):
            llm.complete(REQUEST)
        asked = server.requests
    assert 1 <= len(asked) <= 4
    assert time.monotonic() - before < 5.0


def test_hang_is_asked_again():
    answer, asked, _ = ask([Answer(stall="hang"), reply("ok")], attempt_s=0.3, total_s=60.0)
    assert answer.text == "ok"
    assert len(asked) == 2


def test_growing_pauses_are_bounded_and_said():
    said = []
    answer, _, waits = ask([error(503, "busy")] * 8 + [reply("ok")], total_s=600.0, say=said.append)
    assert answer.text == "ok"
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert len(said) == 8
    assert "status 503" in said[0]
    assert "Asking again in 1 s (attempt 2)" in said[0]


def test_refused_connection_is_named():
    with scripted_server([]) as server:
        gone = server.base_url
    clock = Clock()
    with pytest.raises(ModelUnreachableError, match="no connection"):
        OpenAICompatible(gone, "m", patience=patient(clock)).complete(REQUEST)
    assert sum(clock.waits) < 30, "an address that never answered may be wrong: it is not waited for long"


def test_server_that_is_gone_in_mid_run_is_waited_for():
    with scripted_server([reply("one")]) as server:
        port = server.server_port
        clock = Clock()
        comes_back = ExitStack()

        def sleep(seconds: float) -> None:
            clock.sleep(seconds)
            if sum(clock.waits) > 120:
                comes_back.enter_context(scripted_server([reply("two")], port=port))

        llm = OpenAICompatible(server.base_url, "m", patience=Patience(sleep=sleep, clock=clock.now))
        assert llm.complete(REQUEST).text == "one"
    with comes_back:
        assert llm.complete(REQUEST).text == "two"
    assert clock.waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0]


@pytest.mark.parametrize("status", [401, 403])
def test_refused_key_stops_at_once_and_is_not_quoted(status):
    raised, asked, _ = ask([error(status, f"Incorrect API key provided: {KEY}")])
    assert isinstance(raised, ModelKeyError)
    assert "OPENAI_API_KEY" in str(raised)
    assert len(asked) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500])
def test_key_is_in_no_error_and_no_repr(status):
    raised, _, _ = ask([error(status, f"the key {KEY} of yours")], total_s=0.5)
    llm = OpenAICompatible(f"https://user:{KEY}@example.test/v1?key={KEY}", "m", api_key=KEY)
    assert KEY not in f"{raised} {raised!r} {raised.__cause__} {llm!r} {llm}"


def test_unknown_model_and_spent_quota_are_not_retried():
    for fault in (error(404, "no model m"), error(429, "no credit", code="insufficient_quota")):
        raised, asked, _ = ask([fault, reply("ok")])
        assert isinstance(raised, ModelRefusedError)
        assert len(asked) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        error(400, "Unsupported parameter", param="temperature"),
        error(400, "Unsupported value: 'temperature' does not support 0.7 with this model."),
        error(422, "temperature: extra fields not permitted"),
    ],
)
def test_refused_parameter_is_dropped_once_and_remembered(refusal):
    with scripted_server([refusal, reply("one"), reply("two")]) as server:
        llm = OpenAICompatible(server.base_url, "m", parameters={"temperature": 0.7, "seed": 1})
        assert [llm.complete(REQUEST).text, llm.complete(REQUEST).text] == ["one", "two"]
        sent = [request.body for request in server.requests]
    assert ["temperature" in body for body in sent] == [True, False, False]
    assert all(body["seed"] == 1 for body in sent)


def test_refused_parameter_is_remembered_in_a_file_for_this_model_at_this_address(tmp_path):
    def ask_as(model, server):
        llm = OpenAICompatible(server.base_url, model, KEY, capabilities=Capabilities(tmp_path / "refused.json"))
        return llm.complete(REQUEST).text

    refusal = error(400, "Unsupported parameter", param="temperature")
    with scripted_server([refusal, reply("one"), reply("two"), reply("three")]) as server:
        assert [ask_as("m", server), ask_as("m", server), ask_as("other", server)] == ["one", "two", "three"]
        assert ["temperature" in request.body for request in server.requests] == [True, False, False, True]
    with scripted_server([reply("four")]) as elsewhere:
        assert ask_as("m", elsewhere) == "four"
        assert "temperature" in elsewhere.requests[0].body
    assert KEY not in (tmp_path / "refused.json").read_text()


def test_damaged_memory_says_what_to_do(tmp_path):
    (tmp_path / "refused.json").write_text("[")
    with pytest.raises(RunBrokenError, match="Delete it"):
        Capabilities(tmp_path / "refused.json").refused("m at here")


@pytest.mark.parametrize("param", ["messages", "temperature", None])
def test_refusal_of_what_is_needed_or_not_sent_is_final(param):
    raised, asked, _ = ask([error(400, "no", param=param)] * 3, parameters={})
    assert isinstance(raised, ModelRefusedError)
    assert len(asked) == 1


def test_web_page_with_status_200_is_refused_with_a_hint():
    page = Answer(body="<!doctype html><html>Please log in</html>", content_type="text/html")
    raised, asked, _ = ask([page, reply("ok")])
    assert isinstance(raised, ModelRefusedError)
    assert "web page" in str(raised)
    assert "/v1" in str(raised)
    assert len(asked) == 1


@pytest.mark.parametrize("body", ['{"choices": []}', '{"error": {"message": "busy"}}', "[]", "null", '{"choices": 3}'])
def test_answer_without_a_choice_is_asked_again(body):
    answer, asked, _ = ask([Answer(body=body), reply("ok")])
    assert answer.text == "ok"
    assert len(asked) == 2


@pytest.mark.parametrize(
    "address", ["https://me:s3cret@example.test/v1", "https://example.test/v1?key=s3cret", "ftp://me:s3cret@x"]
)
def test_secret_in_an_address_is_in_no_error(address):
    with pytest.raises((ModelKeyError, ConfigError)) as error:
        OpenAICompatible(address, "m").complete(REQUEST)
    assert "s3cret" not in str(error.value)


def test_loopback_needs_no_key_but_others_do():
    with scripted_server([reply("ok")]) as server:
        assert OpenAICompatible(server.base_url, "m").complete(REQUEST).text == "ok"
    with pytest.raises(ModelKeyError, match="Set OPENAI_API_KEY"):
        OpenAICompatible("https://example.test/v1", "m", api_key=" ").complete(REQUEST)


def test_garbled_key_is_refused_without_quoting_it():
    with pytest.raises(ModelKeyError) as raised:
        OpenAICompatible("https://example.test/v1", "m", api_key="sk-abc\u2026xyz").complete(REQUEST)
    assert "sk-abc" not in str(raised.value)


@pytest.mark.parametrize("url", ["", "example.test/v1", "ftp://example.test", "http://example.test:99999999"])
def test_impossible_address_is_refused_early(url):
    with pytest.raises(ConfigError, match="base_url"):
        OpenAICompatible(url, "m")


# The proposer on top --------------------------------------------------------------------------------------------------


def test_broken_reply_is_repaired_over_tcp_and_the_key_is_in_no_file(tmp_path):
    broken = "```python\ndef reward(s, a):\n  return {\n```\nWhy: speed."
    with scripted_server([reply(broken), reply(GOOD)]) as server:
        llm = OpenAICompatible(server.base_url, "m", api_key=KEY)
        proposer = LanguageModel(Stored(llm, tmp_path, lambda *a: None, lambda *a: None), FOLDER)
        draft = proposer.propose(brief(), slot())
        mended = proposer.repair(brief(), slot(), draft, draft.faults, attempt=1)
        prompts = [asked.prompt for asked in server.requests]
    assert draft.faults
    assert (mended.source, mended.faults) == (SOURCE, ())
    assert "never closed" in prompts[1]
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["r00-init-s00-a0.json", "r00-repair-s00-a1.json"]
    assert not any(KEY in file.read_text() for file in files)


@pytest.mark.parametrize(
    ("answer", "said"),
    [(reply(GOOD, finish_reason="length"), "cut off"), (reply(""), "empty"), (reply("I can't."), "no code block")],
)
def test_reply_without_usable_code_becomes_a_fault(answer, said):
    with scripted_server([answer]) as server:
        draft = LanguageModel(OpenAICompatible(server.base_url, "m"), FOLDER).propose(brief(), slot())
    assert draft.source == ""
    assert said in draft.faults[0].message


def test_code_without_a_fence_is_taken_over_tcp():
    with scripted_server([reply(SOURCE)]) as server:
        draft = LanguageModel(OpenAICompatible(server.base_url, "m"), FOLDER).propose(brief(), slot())
    assert (draft.source, draft.faults) == (SOURCE, ())
