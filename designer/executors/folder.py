"""The folder that a job is worked on in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from designer.executors import Job
from designer.files import link_or_copy, write_atomically


def prepare_folder(job: Job, folder: Path) -> None:
    """Make a job's folder afresh: job.json and the files that the verb needs. Raises DiskError."""
    shutil.rmtree(folder, ignore_errors=True)
    write_atomically(folder / "job.json", json.dumps({"verb": job.verb, **job.spec}, indent=1), durable=False)
    for name, content in job.files.items():
        if isinstance(content, Path):
            link_or_copy(content, folder / name)
        else:
            write_atomically(folder / name, content, durable=False)
