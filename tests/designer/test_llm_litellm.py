"""The litellm client: without the extra it says what to install; with it, the real package over TCP.

Where litellm isn't installed the real ones are skipped; `.ci/run` has a stage with the extra, in which they run.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from designer.errors import ConfigError, ModelKeyError
from designer.llm import CallKey, Message, Request
from designer.llm.litellm_client import LiteLLM, imported
from designer.llm.patience import Patience
from tests.designer.loopback import Answer, error, reply, scripted_server

real = pytest.mark.skipif(importlib.util.find_spec("litellm") is None, reason="the extra `litellm` is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # litellm's own
REQUEST = Request(key=CallKey(round=0, role="init", sample=0, attempt=0), messages=(Message(role="user", content="Run."),))


def ask(script, **patience):
    with scripted_server(script) as server:
        patience = Patience(**{"sleep": lambda seconds: None, **patience})
        llm = LiteLLM("openai/served-model", server.base_url, patience)
        return llm.complete(REQUEST), server.requests


@pytest.mark.parametrize("version", [None, "1.82.8", "1.105.0"])
def test_missing_or_unsafe_extra_is_refused_with_what_to_type(monkeypatch, version):
    def installed(name: str) -> str:
        if version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr("importlib.metadata.version", installed)
    with pytest.raises(ConfigError, match="pip install"):
        imported()


def test_designer_does_not_import_it():
    code = "import sys, designer.cli, designer.commands, designer.modelling; sys.exit('litellm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@real
def test_import_asks_no_network():
    code = """
import socket
def refuse(*_, **__): raise SystemExit("the import asked the network")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from designer.llm.litellm_client import imported
imported()
"""
    ended = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@real
def test_reply_faults_and_parameters_are_met_as_by_the_other_client(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    answer, asked = ask([error(400, "no", param="temperature"), error(500, "oops"), reply("hello", usage=usage)])
    assert (answer.text, answer.prompt_tokens, answer.completion_tokens) == ("hello", 7, 3)
    assert ["temperature" in request.body for request in asked] == [True, False, False]


@real
def test_hang_costs_one_attempt(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    answer, asked = ask([Answer(stall="hang"), reply("hello")], attempt_s=1.0, total_s=60.0)
    assert (answer.text, len(asked)) == ("hello", 2)


@real
def test_refused_key_stops_at_once(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    with pytest.raises(ModelKeyError, match="ANTHROPIC_API_KEY"):
        ask([error(401, "bad key"), reply("hello")])
