"""What the commands do about sandboxes: settle on one before a run, examine one, make what its boxes run."""

from __future__ import annotations

import argparse
from collections import Counter

from rich.text import Text

from designer import environments, terminal
from designer.config import Config, load
from designer.doctor import engine_answers
from designer.executors.conformance import Verdict, conformance
from designer.executors.engine import DockerEngine
from designer.images import Source, build_image
from designer.sandboxes import DOCKER, EMBEDDED, choose, require_consent
from designer.text import printable

MARKS = {Verdict.HOLDS: "ok ", Verdict.BROKEN: "NO ", Verdict.NOT_CHECKABLE: "-- "}
EXIT_BROKEN = 1


def with_sandbox(config: Config, asked: argparse.Namespace) -> Config:
    """Settle on a sandbox that works here, so that a run keeps it. Where an engine answers and isn't used, say why."""
    require_consent(config, asked.unsafe)
    choice = choose(config)
    if choice.passed_over and engine_answers(config):
        for reason in choice.passed_over:
            terminal.console(stderr=True).print(Text(f"not used: {printable(reason)}"), soft_wrap=True)
    return choice.config


def examine_sandbox(name: str, config: Config) -> None:
    """Run the conformance suite over a sandbox, a line a check. Exits with 1 where it breaks the contract."""
    named = config.model_copy(update={"sandbox": config.sandbox.model_copy(update={"provider": name})})
    counts: Counter[Verdict] = Counter()
    for outcome in conformance(named):
        counts[outcome.verdict] += 1
        print(f"{MARKS[outcome.verdict]} {outcome.check}: {printable(outcome.told)}", flush=True)
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    print(f"{name}: {told}", flush=True)
    if counts[Verdict.BROKEN]:
        raise SystemExit(EXIT_BROKEN)


def image(asked: argparse.Namespace) -> None:
    """Make a worker environment: on disk for embedded boxes, and as an image where a container engine answers."""
    config = load(asked.config_file, asked.settings)
    if asked.sandbox != DOCKER:
        environments.build(asked.name)
    if asked.sandbox == EMBEDDED or (asked.sandbox is None and not engine_answers(config)):
        return
    if asked.sandbox is None:
        print("A container engine answers, so its image is made too (--sandbox embedded leaves it out).")
    engine = DockerEngine(config.sandbox.docker_host)
    print(build_image(engine, asked.name, config.sandbox.base, Source(asked.wheels, asked.network), print))
