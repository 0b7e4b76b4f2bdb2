"""A worker for tests of the command line: it answers every verb at once and trains nothing.

It runs in a real box and seals itself like the real one; the run's own `sandbox` package is there to be imported. A
candidate's worth is the sum of the numbers in its source. A training on more than 10**8 steps reports itself and then
sleeps: something to be killed.
"""

from __future__ import annotations

import ast
import json
import time
from pathlib import Path
from typing import Any

from sandbox import seal
from sandbox.output import Output

TABLE = Path(__file__).with_name("table.json")
NEVER_ENDS = 10**8


def main(folder: Path) -> None:
    job = json.loads((folder / "job.json").read_bytes())
    output = Output.take_stdout()
    seal.apply()
    output.seal(True)
    globals()[job["verb"]](job, folder, output)


def check(job: dict[str, Any], folder: Path, output: Output) -> None:
    output.result("ok")


def describe(job: dict[str, Any], folder: Path, output: Output) -> None:
    output.result("ok", table=json.loads(TABLE.read_bytes()))


def probe(job: dict[str, Any], folder: Path, output: Output) -> None:
    output.result("ok", terms=[], call_s=0.0001)


def train(job: dict[str, Any], folder: Path, output: Output) -> None:
    output.progress(share=0.5, steps_per_s=1000.0)
    if job["steps"] > NEVER_ENDS:
        time.sleep(600)
    source = (folder / "reward.py").read_text() if (folder / "reward.py").exists() else "0.5"
    numbers = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    worth = sum(number for number in numbers if isinstance(number, float))
    policies = [worth + seed % 7 / 100 for seed in job["seeds"]]
    if job.get("until", 1.0) < 1:
        output.write("checkpoint.safetensors", json.dumps(policies).encode())
    output.write("policy.safetensors", json.dumps([job["fractions"], policies]).encode())
    trace = {"name": "run", "mean": [0.0, worth], "low": 0.0, "high": worth}
    output.result("ok", traces=[[trace] for _ in job["seeds"]])


def rollout(job: dict[str, Any], folder: Path, output: Output) -> None:
    if "random_seeds" in job:
        fractions, policies = [1.0], [seed % 7 / 100 for seed in job["random_seeds"]]
    else:
        fractions, policies = json.loads((folder / "policy.safetensors").read_bytes())
    index = [[checkpoint, policy, 1] for checkpoint in range(job["checkpoints"]) for policy in range(job["policies"])]
    fitness = [policies[policy] * fractions[checkpoint] for checkpoint, policy, _ in index]
    output.write("trajectories.safetensors", json.dumps(fitness).encode())
    output.result("ok", index=index)


def score(job: dict[str, Any], folder: Path, output: Output) -> None:
    fitness = json.loads((folder / "trajectories.safetensors").read_bytes())
    output.result("ok", fitness=fitness, success=None, length=[job["step_limit"]] * len(fitness))


def analyse(job: dict[str, Any], folder: Path, output: Output) -> None:
    episode = {"fitness": 0.0, "steps": 100, "edges": [0, 100], "stages": {}, "events": []}
    policies = len({row[1] for row in job["index"]})
    output.write("episodes.safetensors", b"[]")
    output.result("ok", policies=[{"worst": episode, "best": episode}] * policies, pinned=[0.0] * policies)


def explain(job: dict[str, Any], folder: Path, output: Output) -> None:
    output.result("ok", terms=[])
