"""What a Slurm job does: read the order in its post, do it, and write the answer there as it comes."""

from __future__ import annotations

import os
from pathlib import Path

from designer.executors.node import messages, this_process

ORDER, CODE, ANSWER = "order", "code.tar", "answer"


def work(post: str) -> None:
    """Be a job, on a node. Whoever handed it in reads the answer while it grows."""
    folder = Path(post)
    try:
        with open(folder / ANSWER, "xb") as answer:
            for told in messages((folder / ORDER).read_bytes(), (folder / CODE).read_bytes()):
                answer.write(told)
                answer.flush()
            os.fsync(answer.fileno())
    finally:
        this_process().forget()
