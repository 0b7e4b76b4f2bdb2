"""The process in a box: read one job from a folder, seal itself, run the job's verb, send one framed stream.

Usage: python -m sandbox.worker JOB_FOLDER [--unsealed]. The folder holds `job.json` and the files that the verb needs.
Everything is imported before the seal, and no verb starts without it; `--unsealed` is for a machine that has none, asked for
by a person who knows.
"""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from pathlib import Path
from typing import Any

from sandbox import seal
from sandbox.drawing import choose_backend
from sandbox.output import Output

UNSEALED = "--unsealed"
VERBS = {
    "check": "sandbox.selfcheck",
    "describe": "sandbox.describe",
    "probe": "sandbox.probe",
    "train": "sandbox.train",
    "rollout": "sandbox.rollout",
    "score": "sandbox.score",
    "render": "sandbox.render",
}


def main(folder: Path, sealed: bool = True) -> None:
    """Run a job. Whatever goes wrong is told in the result: `crashed` with a traceback for people."""
    output = Output.take_stdout()
    job: dict[str, Any] = json.loads((folder / "job.json").read_bytes())
    try:
        if job["verb"] == "render":
            choose_backend()
        verb = importlib.import_module(VERBS[job["verb"]])
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)
        if sealed:
            seal.apply()
        output.seal(sealed, "" if sealed else f"asked for with {UNSEALED}")
        verb.run(job, lambda name: (folder / name).read_bytes(), output)
    except seal.SealError as error:
        output.seal(False, str(error))
    except MemoryError:
        output.result("out_of_memory", "the box ran out of memory")
    except Exception as error:  # noqa: BLE001 - the process edge
        traceback.print_exc()
        memory = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
        output.result("out_of_memory" if memory else "crashed", f"{type(error).__name__}: {error}"[:2000])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sealed=UNSEALED not in sys.argv[2:])
