"""The process in a box: read one job from a folder, seal itself, run the job's verb, send one framed stream.

Usage: python -m sandbox.worker JOB_FOLDER [--unsealed]. The folder holds `job.json` and the files that the verb needs.
Everything is imported before the seal, and no verb starts without it; `--unsealed` is for a machine that has none, asked for
by a person who knows.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sandbox import seal
from sandbox.drawing import choose_backend, draw_nothing
from sandbox.output import Output

UNSEALED = "--unsealed"
VERBS = {
    "check": "sandbox.selfcheck",
    "describe": "sandbox.describe",
    "probe": "sandbox.probe",
    "train": "sandbox.train",
    "train_together": "sandbox.train_together",
    "rollout": "sandbox.rollout",
    "score": "sandbox.score",
    "analyse": "sandbox.analyse",
    "explain": "sandbox.explain",
    "compare": "sandbox.compare",
    "render": "sandbox.render",
}
TRAINERS = {"sb3": "sandbox.sb3_train"}
"""Other trainers than our own, each imported only where a job names it."""


def main(folder: Path, sealed: bool = True) -> None:
    """Run a job. Whatever goes wrong is told in the result: `crashed` with a traceback for people."""
    output = Output.take_stdout()
    job: dict[str, Any] = json.loads((folder / "job.json").read_bytes())

    def work() -> None:
        choose_backend() if job["verb"] == "render" else draw_nothing()
        verb = importlib.import_module(module_of(job))
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)
        if sealed:
            _load_world(job)
            seal.apply()
        output.seal(sealed, "" if sealed else f"asked for with {UNSEALED}")
        verb.run(job, lambda name: (folder / name).read_bytes(), output)

    tell_failures(work, output)


def module_of(job: Mapping[str, Any]) -> str:
    """Name what does a job: its verb's module, or that of the trainer that it asks for."""
    return TRAINERS[job["trainer"]] if "trainer" in job else VERBS[job["verb"]]


def _load_world(job: Mapping[str, Any]) -> None:
    """Import a world's modules: some simulators start a program then, which a sealed process can't."""
    if "world" in job:
        from envs import worlds

        with contextlib.suppress(Exception):  # the verb makes it, and tells what is wrong
            worlds.load(job["world"], drawn=job["verb"] == "render")


def tell_failures(work: Callable[[], None], output: Output) -> None:
    """Do what a box is there for; a failure becomes its result."""
    try:
        work()
    except seal.SealError as error:
        output.seal(False, str(error))
    except MemoryError:
        output.result("out_of_memory", "the box ran out of memory")
    except Exception as error:  # noqa: BLE001 - the process edge
        traceback.print_exc()
        if _is_the_worlds(error):
            output.result("crashed", str(error)[:2000])
            return
        memory = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
        output.result("out_of_memory" if memory else "crashed", f"{type(error).__name__}: {error}"[:2000])


def _is_the_worlds(error: Exception) -> bool:
    """Say whether a world failed, and told why in a sentence of its own."""
    worlds = sys.modules.get("envs.errors")
    return worlds is not None and isinstance(error, worlds.WorldError)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sealed=UNSEALED not in sys.argv[2:])
