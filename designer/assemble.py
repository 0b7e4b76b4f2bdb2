"""Put the parts of a run together: the worker that its boxes run, who proposes, what searches."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from designer.config import Config
from designer.display import Display
from designer.environments import environment_python
from designer.errors import ConfigError, InterruptedRunError, ModelError, SandboxError, TaskError, WorkerMissingError
from designer.executors import Executor, Job, Limits
from designer.executors.embedded import Embedded
from designer.executors.results import read_table
from designer.executors.resumable import Resumable
from designer.journal import CallFinished, CallStarted, Journal
from designer.llm import LLM, CallKey, Reply
from designer.llm.manual import Manual
from designer.llm.openai_compatible import OpenAICompatible
from designer.llm.replay import Replay
from designer.llm.store import Stored
from designer.loop import Loop
from designer.proposers.composer import Composer
from designer.proposers.llm import LanguageModel
from designer.records import StateTable, Status
from designer.runs import Run, stage_worker_code
from designer.search.rules import make_search
from designer.seeds import random_play_seed
from designer.trials import Workbench

DESCRIBE_LIMITS = Limits(cpu_s=120, wall_s=300)


def worker_python(config: Config) -> Path:
    """Return the interpreter that boxes run in. Raises WorkerMissingError, which says how to build one."""
    chosen = config.worker.python
    if chosen is None:
        return environment_python(config.worker.environment)
    if not chosen.is_file() or not os.access(chosen, os.X_OK):
        raise WorkerMissingError(f"worker.python = {chosen} is not a program. Name a Python that has torch and mujoco.")
    return chosen.absolute()


def slots(config: Config) -> int:
    """Return how many boxes run at once."""
    return config.executor.slots or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def scratch_box(config: Config) -> Iterator[tuple[Executor, Path]]:
    """Give an executor and a folder for a job that belongs to no run; the folder goes away with it."""
    with tempfile.TemporaryDirectory(prefix="designer-") as scratch:
        stage_worker_code(Path(scratch) / "code")
        yield Embedded(worker_python(config), Path(scratch) / "code"), Path(scratch)


def describe(world: str, config: Config) -> StateTable:
    """Measure a world's state table in a box. Raises TaskError where there is no such world."""
    with scratch_box(config) as (executor, scratch):
        result = executor.run(describe_job(world, config), scratch / "describe", lambda _: None)
    if result.status is Status.REJECTED:
        raise TaskError(f"{result.error}.")
    if result.status is not Status.OK:
        raise SandboxError(f"describing {world} failed ({result.status}): {result.error}")
    return read_table(result.content)


def describe_job(world: str, config: Config) -> Job:
    """Describe the description: a world, and the seed of its random play."""
    return Job("describe", {"world": world, "seed": random_play_seed(config.search.seed)}, {}, DESCRIBE_LIMITS)


def executor_for(run: Run) -> Executor:
    """Return what runs this run's boxes."""
    return Resumable(Embedded(worker_python(run.config), run.code))


def require_model(config: Config) -> None:
    """Refuse at once what could only fail later: a model without a key, a replay without a run."""
    if config.llm.provider == "replay" and config.llm.replay is None:
        raise ConfigError("llm.provider = replay needs llm.replay, the run folder whose replies are played.")
    if config.llm.provider == "openai" and config.llm.model is None:
        raise ConfigError("llm.provider = openai needs llm.model, the model's name at the endpoint.")
    if config.llm.provider == "openai":
        openai_model(config).usable_key()


def make_loop(run: Run, executor: Executor, display: Display, say: Callable[[str], None], llm: LLM | None = None) -> Loop:
    """Return the loop of a run, with everything that has already happened in its archive. `llm` outweighs the config's."""
    journal = Journal(run.journal, time.time)
    journal.mend()
    archive = run.archive()
    bench = Workbench(run.task, run.table, run.config, executor, run.folder)
    search = make_search(run.config.search, run.baselines)
    loop = Loop(bench, search, Composer(), journal, archive, display)
    if llm or run.config.llm.provider != "composer":
        loop.proposer = make_language_model(run, loop, say, llm)
    return loop


def make_language_model(run: Run, loop: Loop, say: Callable[[str], None], llm: LLM | None = None) -> LanguageModel:
    """Return a language model whose every exchange is stored and journaled."""
    known = {call.key for call in loop.archive.calls}
    turn = threading.Lock()

    def started(key: CallKey, request: str) -> None:
        with turn:
            start(key, request)

    def start(key: CallKey, request: str) -> None:
        if loop.archive.calls_started >= run.config.llm.max_calls:
            raise ModelError(
                f"llm.max_calls = {run.config.llm.max_calls} model calls are used up. Everything is stored; start a run "
                "with a higher limit, or look at what there is with `designer report`."
            )
        loop.record(CallStarted(key=str(key), request=request))

    def finished(key: CallKey, reply: Reply) -> None:
        if str(key) not in known:
            known.add(str(key))
            tokens = {"prompt_tokens": reply.prompt_tokens, "completion_tokens": reply.completion_tokens}
            loop.record(CallFinished(key=str(key), model=reply.model, **tokens))

    def changed(key: CallKey, stored: str, asked: str) -> None:
        say(f"{key}: the stored reply answers another prompt ({stored}, now {asked}); it is used all the same")

    asked = llm or make_llm(run, loop.stopping, changed)
    return LanguageModel(Stored(asked, run.folder / "llm", started, finished, changed), run.prompts)


def make_llm(run: Run, stopping: threading.Event, changed: Callable[[CallKey, str, str], None]) -> LLM:
    """Return the model that the config names. Raises ModelKeyError where a key is missing."""
    config = run.config.llm
    if config.provider == "manual":
        return Manual(run.folder / "llm", interactive=sys.stdin.isatty(), sleep=_interruptible(stopping))
    if config.provider == "replay":
        assert config.replay is not None
        return Replay(config.replay / "llm", changed, name=f"replay of {config.replay.name}")
    return openai_model(run.config)


def openai_model(config: Config) -> OpenAICompatible:
    """Return the client of an OpenAI-compatible endpoint."""
    assert config.llm.model is not None
    return OpenAICompatible(
        base_url=base_url(config.llm.base_url),
        model=config.llm.model,
        api_key=os.environ.get("OPENAI_API_KEY", ""),
        timeout_s=config.llm.timeout_s,
    )


def base_url(configured: str | None) -> str:
    """Return the endpoint: the setting, or OPENAI_BASE_URL, or OpenAI's."""
    return configured or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"


def _interruptible(stopping: threading.Event) -> Callable[[float], None]:
    def sleep(seconds: float) -> None:
        if stopping.wait(seconds):
            raise InterruptedRunError("the run was stopped while it waited for a reply.")

    return sleep
