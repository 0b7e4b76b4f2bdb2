"""The language model of a run: who answers, what is journaled of every call, and when no further call is made."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from designer.archive import Archive
from designer.config import Config
from designer.errors import BudgetSpentError, ConfigError, InterruptedRunError
from designer.files import write_atomically
from designer.journal import CallFinished, CallStarted, Event
from designer.llm import LLM, CallKey, Reply, Request, about_tokens
from designer.llm.capabilities import Capabilities
from designer.llm.litellm_client import LiteLLM, imported
from designer.llm.manual import Manual
from designer.llm.one_first import OneFirst
from designer.llm.openai_compatible import OPENAI_URL, OpenAICompatible
from designer.llm.outage import Outage
from designer.llm.patience import Patience
from designer.llm.prices import Price, cost_of, price_file, price_of, read_prices
from designer.llm.replay import Replay
from designer.llm.scripted import from_folder
from designer.llm.store import Stored
from designer.runs import Run
from designer.spending import refuse_overspending, spending

PRICES = "prices.toml"
CAPABILITIES = "refused_parameters.json"
LOOK_UP_S = 5.0
Say = Callable[[str], None]


def require_model(config: Config) -> None:
    """Refuse at once what could only fail later: a model without a key, a replay without a run, a cap without a price."""
    llm = config.llm
    needed = {"openai": ("model", llm.model), "litellm": ("model", llm.model), "replay": ("replay", llm.replay)}
    needed["scripted"] = ("script", llm.script)
    name, value = needed.get(llm.provider, ("", ""))
    if value is None:
        raise ConfigError(f"llm.provider = {llm.provider} needs llm.{name}. `designer config` says what that is.")
    if config.feedback.source == "ranking" and config.feedback.rater == "model" and llm.provider == "composer":
        raise ConfigError("feedback.rater = model needs a language model, which then ranks too: add --llm.model NAME.")
    if llm.provider == "openai":
        openai_model(config, Patience()).usable_key()
    if llm.provider == "litellm":
        imported()
    if llm.max_cost is not None and llm.provider in ("openai", "litellm"):
        path = price_file(llm.prices)
        if price_of(read_prices(path), llm.model or "") is None:
            raise ConfigError(
                f"llm.max_cost = {llm.max_cost:g} can't be kept: {path} has no price for {llm.model}. "
                "Name a table that has one with --llm.prices."
            )


class Ledger:
    """Journals a run's model calls and refuses the one that would break a cap."""

    def __init__(self, run: Run, archive: Archive, record: Callable[[Event], None]) -> None:
        self._limits = run.config.llm
        self._archive = archive
        self._record = record
        self._known = {call.key for call in archive.calls}
        self._in_flight: dict[str, int] = {}
        self._turn = threading.Lock()
        self._price = _price(run)

    def started(self, request: Request) -> None:
        """Note that a call leaves. Raises BudgetSpentError."""
        with self._turn:
            spent = spending(self._archive.calls_started, self._archive.calls, self._price)
            refuse_overspending(self._limits, spent, self._in_flight.values(), request.about_tokens, self._price)
            self._in_flight[str(request.key)] = request.about_tokens
            self._record(CallStarted(key=str(request.key), request=request.digest, prompt=request.prompt))

    def finished(self, request: Request, reply: Reply) -> None:
        """Note an answer once, however often it is handed over."""
        key = str(request.key)
        with self._turn:
            self._in_flight.pop(key, None)
            if key in self._known:
                return
            self._known.add(key)
            self._record(
                CallFinished(
                    key=key,
                    model=reply.model,
                    prompt_tokens=reply.prompt_tokens,
                    completion_tokens=reply.completion_tokens,
                    cached_tokens=reply.cached_tokens,
                    reasoning_tokens=reply.reasoning_tokens,
                    cost=cost_of(self._price, reply),
                    about_prompt_tokens=request.about_tokens,
                    about_completion_tokens=about_tokens(reply.text),
                )
            )


def stored_model(
    run: Run,
    archive: Archive,
    record: Callable[[Event], None],
    say: Say,
    stopping: threading.Event,
    llm: LLM | None = None,
    outage: Outage | None = None,
) -> LLM:
    """Return the run's model, whose every exchange is stored and journaled. `llm` outweighs the config's."""

    def changed(key: CallKey, stored: str, asked: str) -> None:
        say(f"{key}: the stored reply answers another prompt ({stored}, now {asked}); it is used all the same")

    ledger = Ledger(run, archive, record)
    asked = llm or make_llm(run, _interruptible(stopping, outage or Outage()), say, changed, outage, bool(archive.calls))
    return Stored(asked, run.folder / "llm", ledger.started, ledger.finished, changed)


def make_llm(
    run: Run,
    sleep: Callable[[float], None],
    say: Say,
    changed: Callable[[CallKey, str, str], None],
    outage: Outage | None = None,
    answered: bool = False,
) -> LLM:
    """Return the model that the config names. `answered`: whether it has answered this run before. Raises ConfigError."""
    config = run.config.llm
    patience = Patience(config.timeout_s, config.patience_s, say, sleep, outage=outage, answered=answered)
    capabilities = Capabilities(run.folder / CAPABILITIES)
    match config.provider:
        case "manual":
            return Manual(run.folder / "llm", interactive=sys.stdin.isatty(), sleep=sleep)
        case "replay":
            assert config.replay is not None
            return Replay(config.replay / "llm", changed, name=f"replay of {config.replay.name}")
        case "scripted":
            assert config.script is not None
            return from_folder(config.script)
        case "litellm":
            assert config.model is not None
            return OneFirst(LiteLLM(config.model, config.base_url, patience, capabilities=capabilities))
    return OneFirst(openai_model(run.config, patience, capabilities))


def openai_model(config: Config, patience: Patience, capabilities: Capabilities | None = None) -> OpenAICompatible:
    """Return the client of an OpenAI-compatible endpoint."""
    assert config.llm.model is not None
    return OpenAICompatible(
        base_url=base_url(config.llm.base_url),
        model=config.llm.model,
        api_key=os.environ.get("OPENAI_API_KEY", ""),
        patience=patience,
        capabilities=capabilities,
    )


def base_url(configured: str | None) -> str:
    """Return the endpoint: the setting, or OPENAI_BASE_URL, or OpenAI's."""
    return configured or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL


def _price(run: Run) -> Price | None:
    """Return the model's price from the run's own copy of the table, made at the first call for it."""
    copy: Path = run.folder / PRICES
    if not copy.exists():
        write_atomically(copy, price_file(run.config.llm.prices).read_bytes())
    return price_of(read_prices(copy), run.config.llm.model or run.config.llm.provider)


def _interruptible(stopping: threading.Event, outage: Outage) -> Callable[[float], None]:
    """Return a sleep that ends where the run is stopped, or where nobody waits for a reply any more."""

    def sleep(seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            if outage.given_up:
                raise BudgetSpentError(outage.given_up)
            left_s = until - time.monotonic()
            if left_s <= 0:
                return
            if stopping.wait(min(left_s, LOOK_UP_S)):
                raise InterruptedRunError("the run was stopped while it waited for a reply.")

    return sleep
