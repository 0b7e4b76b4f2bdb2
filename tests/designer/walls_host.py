"""Be a host that starts one box full of attempts, and print what they came to: python -m tests.designer.walls_host FOLDER MODE.

MODE: the kind of box ("namespaces", "bwrap" or "landlock"). It plants a secret file, an environment variable and a listening
socket for them to reach.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

from designer.executors import Limits
from designer.executors.embedded import Embedded
from tests.designer.boxes import job, worker_code

ATTEMPTS = Path(__file__).with_name("attempts.py")
LIMITS = Limits(cpu_s=30, wall_s=60, memory_bytes=8 * 1024**3, file_bytes=4 * 1024**2)


def main(folder: Path, mode: str) -> None:
    secret = folder / "secret.txt"
    secret.write_text("the secret")
    code = worker_code(folder / "code", "")
    (code / "sandbox" / "probe.py").write_bytes(ATTEMPTS.read_bytes())
    host = Embedded(Path(sys.executable), code, warm=False, only=mode)
    with socket.create_server(("127.0.0.1", 0)) as server:
        spec = {
            "secret": str(secret),
            "folder": str(folder / "job"),
            "host_pid": os.getpid(),
            "port": server.getsockname()[1],
            "namespaces": host.walls().startswith("namespaces"),
            "files_bounded": mode == "namespaces",
            "threads_unbounded": "threads is not bounded" in host.walls(),
            "file_bytes": LIMITS.file_bytes,
        }
        ended = host.run(job(LIMITS, **spec), folder / "job", lambda numbers: None)
    told = {"status": ended.status, "error": ended.error, "walls": ended.walls, "promised": host.walls(), "uid": os.getuid()}
    print(json.dumps({**told, "tried": ended.content.get("tried", {})}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
