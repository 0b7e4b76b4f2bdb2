"""The process in a box: read one job from a folder, run its verb, send one framed stream.

Usage: python -m sandbox.worker JOB_FOLDER. The folder holds `job.json` and the files that the verb needs.
"""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from pathlib import Path
from typing import Any

from sandbox.drawing import choose_backend
from sandbox.output import Output

VERBS = {
    "describe": "sandbox.describe",
    "probe": "sandbox.probe",
    "train": "sandbox.train",
    "rollout": "sandbox.rollout",
    "score": "sandbox.score",
    "analyse": "sandbox.analyse",
    "render": "sandbox.render",
}


def main(folder: Path) -> None:
    """Run a job. Whatever goes wrong is told in the result: `crashed` with a traceback for people."""
    output = Output.take_stdout()
    job: dict[str, Any] = json.loads((folder / "job.json").read_bytes())
    try:
        if job["verb"] == "render":
            choose_backend()
        verb = importlib.import_module(VERBS[job["verb"]])
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)
        verb.run(job, lambda name: (folder / name).read_bytes(), output)
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
    main(Path(sys.argv[1]))
