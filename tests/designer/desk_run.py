"""Run folders for the desk's tests: the hand-made run as `designer run` would leave it, and one with many candidates."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from designer.config import Config, to_toml
from designer.journal import Event
from designer.records import Candidate, Verb
from designer.runs import Run
from tests.designer.example_run import candidate, example_run, example_task, finished, proposed, started, trained, trial

NAME = "20261124-093000-half-cheetah-backward-0000"
HOSTILE = "<script>alert(1)</script></script><img src=x onerror=alert(2)>\x1b[31mred\x1b[0m\u202e" + "A" * 1_000_000


def desk_run(parent: Path, events: Iterable[Event] | None = None, name: str = NAME) -> Run:
    """Write a run with all the files that the desk opens."""
    run = example_run(parent / name, list(finished() if events is None else events))
    (run.folder / "task").mkdir()
    (run.folder / "task" / "task.json").write_text(example_task().model_dump_json())
    (run.folder / "task" / "state.json").write_text(run.table.model_dump_json())
    (run.folder / "config.toml").write_text(to_toml(Config()))
    return run


def many(count: int) -> list[Event]:
    """Return the events of a run with so many candidates, twenty a round, each trained once."""
    events: list[Event] = [started()]
    for k in range(count):
        round_, sample = 1 + k // 20, k % 20
        name = f"g{round_:02d}c{sample:02d}"
        parents = (f"g{round_ - 1:02d}c{sample:02d}",) if round_ > 1 else ()
        made = candidate(name, Verb.MUTATE if parents else Verb.INIT, parents, round=round_)
        events += [proposed(made), trained(trial(name, "search", 1, 1 + k % 37 / 10))]
    return events


def hostile() -> Candidate:
    """Return a candidate whose every text wants to be something else."""
    source = f'"""{HOSTILE}"""\ndef reward(s, a):\n    return {{"<b>x</b>": 0}}\n'
    return candidate("g01c00", why=HOSTILE, expects=HOSTILE, source=source, proposer="<i>model</i>")
