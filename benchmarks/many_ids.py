"""Run one tiny round of `designer run` on many gymnasium ids, unattended, and print how each ended.

Needs the host's and the named worker environments (`designer image build native`, `robotics`, `metaworld`). Each id that is
done has a line in the log; a second call goes on with the others. Run from the repository root:

    .venv/bin/python -m benchmarks.many_ids many_ids.jsonl
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

IDS = {
    "classic control": ("CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0"),
    "box2d": ("LunarLander-v3", "LunarLanderContinuous-v3", "BipedalWalker-v3"),
    "toy text": ("FrozenLake-v1", "CliffWalking-v1", "Taxi-v4", "Blackjack-v1"),
    "minigrid": ("MiniGrid-Empty-5x5-v0", "MiniGrid-DoorKey-6x6-v0"),
    "gymnasium-robotics": ("FetchReach-v4", "FetchPush-v4", "PointMaze_UMaze-v3"),
    "metaworld": ("metaworld/reach-v3", "metaworld/drawer-open-v3"),
}
FITNESS = "mean(norm(action))"
TINY = (
    *("--training.steps", "1024", "--training.num-envs", "4", "--search.rounds", "1", "--search.population", "2"),
    *("--search.final-seeds", "2", "--search.finalists", "1", "--evaluation.episodes", "2", "--evaluation.checkpoints", "1"),
    *("--clips", "false"),
)


def main(log: Path) -> None:
    """Run what the log doesn't hold yet; then print the table."""
    done = {entry["id"]: entry for entry in map(json.loads, log.read_text().splitlines())} if log.exists() else {}
    for family, ids in IDS.items():
        for id_ in ids:
            if id_ not in done:
                done[id_] = {"id": id_, "family": family, **run(id_)}
                with log.open("a") as file:
                    file.write(json.dumps(done[id_]) + "\n")
    print(f"{platform.machine()}, Python {platform.python_version()}; designer run ... {' '.join(TINY)}\n")
    print("| family | id | ended | wall |\n|---|---|---|---|")
    for entry in done.values():
        ended = "a winner" if entry["code"] == 0 else entry["said"]
        print(f"| {entry['family']} | {entry['id']} | {ended} | {entry['wall_s']:.0f} s |")


def run(id_: str) -> dict[str, object]:
    """Run one id in a folder of its own; return how it ended."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as runs:
        command = [
            sys.executable,
            "-m",
            "designer.cli",
            "run",
            "Do as much as you can.",
            "--env",
            id_,
            "--fitness",
            FITNESS,
            "--runs",
            runs,
            *TINY,
        ]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    said = ended.stderr.strip().splitlines()
    return {"code": ended.returncode, "said": said[-1][:300] if said else "", "wall_s": time.monotonic() - started}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
