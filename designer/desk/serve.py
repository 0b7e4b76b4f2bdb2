"""`designer review`: open the desk on this machine."""

from __future__ import annotations

import argparse
import secrets
import socket
from pathlib import Path

from designer.desk.safety import LOOPBACK, Door
from designer.errors import InputError

PORTS = range(8642, 8662)


def review(asked: argparse.Namespace) -> None:
    """Serve the desk until Ctrl-C. Raises InputError where the folder or the port can't be had."""
    import uvicorn

    from designer.desk.app import make_app
    from designer.desk.shelf import Shelf

    folder: Path = asked.runs
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder. Name the folder with the runs, or one run.")
    listening = _listen(asked.host, asked.port)
    port = listening.getsockname()[1]
    door = Door(asked.host, port, "" if asked.host in LOOPBACK else secrets.token_urlsafe(24))
    host = f"[{asked.host}]" if ":" in asked.host else asked.host
    print(f"The review desk: http://{host}:{port}/" + (f"?token={door.token}" if door.token else ""), flush=True)
    print("It reads the runs and writes only their opinions.jsonl. Ctrl-C closes it; runs go on.", flush=True)
    config = uvicorn.Config(
        make_app(Shelf(folder), door), log_level="warning", access_log=False, server_header=False, proxy_headers=False,
        timeout_graceful_shutdown=2, limit_concurrency=200, h11_max_incomplete_event_size=64 * 1024, lifespan="off",
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int | None) -> socket.socket:
    """Take the port that was asked for, or the first free one of a few."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    problem: OSError | None = None
    for candidate in PORTS if port is None else (port,):
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, candidate))
            listening.listen(128)  # who asks before the server is ready waits
            return listening
        except OSError as error:
            listening.close()
            problem = error
    tried = f"port {port}" if port is not None else f"ports {PORTS.start} to {PORTS.stop - 1}"
    raise InputError(f"{host}, {tried}: {problem.strerror if problem else 'none is free'}. Choose another with --port.")
