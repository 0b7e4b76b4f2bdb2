"""A host to be killed: it runs one box of a sandbox under examination and says when the box works.

Usage: python -m designer.executors.conformance_host CONFIG CODE FOLDER MARKER. The box's marker is MARKER and a +, so that it
isn't in this process's own command line.
"""

from __future__ import annotations

import sys
from pathlib import Path

from designer.config import load
from designer.executors.conformance import job
from designer.sandboxes import provider_of


def main() -> None:
    """Run the box to its end."""
    config, code, folder, marker = sys.argv[1:]
    executor = provider_of(load(Path(config), {})).executor(Path(code))
    executor.run(job(marker=f"{marker}+"), Path(folder), lambda _: print("running", flush=True))


if __name__ == "__main__":
    main()
