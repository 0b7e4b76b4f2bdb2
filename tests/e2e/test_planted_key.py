"""A key is planted in the environment and in files; a whole run later it is in no file, no output, no prompt and no box."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.designer.loopback import Asked, reply, scripted_server
from tests.designer.small_run import reply as good_reply
from tests.e2e.command import TINY, Ended, designer, only_run, stand_in

IN_ENVIRONMENT = "sk-planted-in-the-environment-4417"
IN_FILES = "sk-planted-in-a-file-9923"
IN_ADDRESS = "sk-planted-in-an-address-3306"
KEYS = (IN_ENVIRONMENT, IN_FILES, IN_ADDRESS)
TASK = "half_cheetah_backward"
# What a box finds when it looks for a key: its environment, that of every process it sees, and how they were called.
LOOK = """
    import contextlib, os
    seen = {"environment": dict(os.environ)}
    for path in Path("/proc").glob("[0-9]*/*"):
        with contextlib.suppress(OSError):
            if path.name in ("environ", "cmdline"):
                seen[str(path)] = path.read_text()
    output.write("curves.jsonl", json.dumps(seen).encode())
"""


class Run(NamedTuple):
    folder: Path
    said: list[Ended]
    asked: list[Asked]


def looking_worker(folder: Path) -> tuple[str, str]:
    """Make a stand-in worker whose training box writes down all that it finds in its environment."""
    flags = stand_in(folder)
    (worker,) = folder.rglob("stand_in_worker.py")
    head, start, rest = worker.read_text().partition("def train(job: dict[str, Any], folder: Path, output: Output) -> None:\n")
    worker.write_text(head + start + LOOK.lstrip("\n") + rest)
    return flags


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder, home = tmp_path_factory.mktemp("planted"), tmp_path_factory.mktemp("home")
    for path in (folder / ".env", folder / "key.txt", home / ".env", home / ".netrc", home / ".config" / "openai" / "key"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"OPENAI_API_KEY={IN_FILES}\n")
    variables = {
        "OPENAI_API_KEY": IN_ENVIRONMENT,
        "OPENAI_BASE_URL": f"http://me:{IN_ADDRESS}@127.0.0.1:9/v1?key={IN_ADDRESS}",
        "OPENAI_LOG": "debug",  # the client's own logging, as loud as it gets
        "ANTHROPIC_API_KEY": IN_ENVIRONMENT,
        "HOME": str(home),
    }
    worker = looking_worker(tmp_path_factory.mktemp("worker"))

    def model(asked: Asked) -> object:
        return reply("no code at all" if len(asked.prompt) % 7 == 0 else good_reply(2.0))

    with scripted_server(model) as server:
        flags = ("--llm.model", "scripted-1", "--llm.base-url", server.base_url)
        said = [designer("run", TASK, *TINY, *worker, *flags, cwd=folder, variables=variables)]
    assert said[0].code == 0, said[0].err
    made = only_run(folder / "runs")
    for command in (
        ("show",),
        ("show", made),
        ("show", made, "g01c00", "--prompt"),
        ("report", made),
        ("doctor",),
        ("replay", made),
    ):
        said.append(designer(*command, cwd=folder, variables=variables))
    return Run(folder, said, server.requests)


def spellings(key: str) -> list[bytes]:
    """A key as it is, and as it would be in base64 or turned round."""
    return [key.encode(), key[::-1].encode(), base64.b64encode(key.encode())[:-4], key.encode().hex().encode()]


@pytest.mark.parametrize("key", KEYS)
def test_key_is_in_no_file_of_a_run(run: Run, key: str) -> None:
    files = [path for path in (run.folder / "runs").rglob("*") if path.is_file()]
    assert {"journal.jsonl", "report.html", "config.toml", "job.json", "result.json", "stderr.txt"} <= {
        path.name for path in files
    }
    assert [path for path in files if any(word in path.read_bytes() for word in spellings(key))] == []


@pytest.mark.parametrize("key", KEYS)
def test_key_is_in_nothing_that_is_printed(run: Run, key: str) -> None:
    for ended in run.said:
        assert key not in ended.out + ended.err


@pytest.mark.parametrize("key", KEYS)
def test_key_is_in_no_prompt(run: Run, key: str) -> None:
    assert run.asked
    for asked in run.asked:
        assert key not in str(asked.body)
        assert asked.headers["authorization"] == f"Bearer {IN_ENVIRONMENT}"


def test_boxes_looked_and_found_no_variable_of_the_host(run: Run) -> None:
    found = [path.read_text() for path in (run.folder / "runs").rglob("curves.jsonl")]
    assert found
    for text in found:
        assert '"environment"' in text
        assert "OPENAI" not in text
        assert "ANTHROPIC" not in text
