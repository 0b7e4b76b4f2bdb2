"""An executor for tests and dry runs: it trains nothing and answers from a formula. Documented and public.

A candidate's fake fitness is the sum of the numbers in its source plus a little that depends on the seed, so that a search
over it has something to climb. Everything is a pure function of the job.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from designer.executors import Job, JobResult, Progress
from designer.executors.folder import prepare_folder
from designer.files import write_atomically
from designer.records import Status
from designer.syntax import Unreadable, parse

Answer = Callable[[Job], JobResult | None]


class Fake:
    """Implements `Executor`. `answer` may take over any job; where it returns None the formula answers.

    `jobs` lists what was started: the verb and the last three parts of the folder.
    """

    name = "fake"

    def __init__(self, answer: Answer | None = None) -> None:
        self._answer = answer
        self.jobs: list[str] = []

    def run(self, job: Job, folder: Path, progress: Progress) -> JobResult:
        self.jobs.append(f"{job.verb} {'/'.join(folder.parts[-3:])}")
        prepare_folder(job, folder)
        special = self._answer(job) if self._answer else None
        if special is not None:
            return special
        content: dict[str, Any] = getattr(self, f"_{job.verb}")(job, folder)
        progress({"share": 1.0, "steps_per_s": 1.0})
        return JobResult(Status.OK, "", content, cpu_s=1.0, wall_s=1.0, walls=self.walls())

    def walls(self) -> str:
        return "nothing is run"

    def stop(self) -> None:
        """Nothing runs."""

    def _probe(self, job: Job, folder: Path) -> Mapping[str, Any]:
        paid = {"total": 0.0, "terms": {"term": 0.0}, "state": {}, "action": []}
        term = {"name": "term", "mean": 0.0, "std": 0.0, "low": 0.0, "high": 0.0}
        source = job.files["reward.py"]
        worth = fake_worth(source if isinstance(source, bytes) else source.read_bytes())
        rewards = {"play": [worth, 0.0], "wide": None}
        return {"terms": [term], "extremes": {"highest": paid, "lowest": paid}, "call_s": 0.0, "rewards": rewards}

    def _train(self, job: Job, folder: Path) -> Mapping[str, Any]:
        source = job.files.get("reward.py", b"")
        worth = fake_worth(source if isinstance(source, bytes) else source.read_bytes())
        policies = [worth + _noise(seed) for seed in job.spec["seeds"]]
        if job.spec.get("resume"):
            assert json.loads((folder / "checkpoint.safetensors").read_bytes()) == policies, "another training's checkpoint"
        if job.spec.get("until", 1.0) < 1:
            write_atomically(folder / "checkpoint.safetensors", json.dumps(policies))
        write_atomically(folder / "policy.safetensors", json.dumps([job.spec["fractions"], policies]))
        traces = [[{"name": "term", "mean": [0.0, worth], "low": 0.0, "high": worth}] for _ in policies]
        return {"steps": job.spec["steps"], "traces": traces, "cpu_s": 1.0}

    def _train_together(self, job: Job, folder: Path) -> Mapping[str, Any]:
        """Each candidate comes to what it would have come to alone."""
        told = []
        for k in range(job.spec["candidates"]):
            own, source = folder / f"own-{k}", (folder / f"reward-{k}.py").read_bytes()
            own.mkdir()
            if job.spec.get("resume"):
                (folder / f"checkpoint-{k}.safetensors").rename(own / "checkpoint.safetensors")
            trained = self._train(Job("train", job.spec, {"reward.py": source}, job.limits), own)
            for name in ("checkpoint", "policy"):
                if (own / f"{name}.safetensors").exists():
                    (own / f"{name}.safetensors").replace(folder / f"{name}-{k}.safetensors")
            told.append({"status": "ok", "error": "", "traces": trained["traces"]})
        return {"steps": job.spec["steps"], "candidates": told, "cpu_s": 1.0}

    def _rollout(self, job: Job, folder: Path) -> Mapping[str, Any]:
        """A policy's fitness is its share of the training times what its reward is worth; random play is worth 0."""
        if random_seeds := job.spec.get("random_seeds"):
            fractions, policies = [1.0], [_noise(seed) for seed in random_seeds]
        else:
            fractions, policies = json.loads((folder / "policy.safetensors").read_bytes())
        played = [
            [checkpoint, policy, 1] for checkpoint in range(job.spec["checkpoints"]) for policy in range(job.spec["policies"])
        ]
        fitness = [policies[policy] * fractions[checkpoint] for checkpoint, policy, _ in played]
        write_atomically(folder / "trajectories.safetensors", json.dumps(fitness))
        return {"index": played}

    def _score(self, job: Job, folder: Path) -> Mapping[str, Any]:
        """Of an order of factors the first is the fitness in whole numbers, and all others fall as it rises."""
        fitness = json.loads((folder / "trajectories.safetensors").read_bytes())
        told = {"fitness": fitness, "success": None, "length": [job.spec["step_limit"]] * len(fitness)}
        first, *others = job.spec.get("factors", [None])
        return (
            {**told, "factors": [[float(int(f)) for f in fitness], *[[-f for f in fitness] for _ in others]]} if first else told
        )

    def _analyse(self, job: Job, folder: Path) -> Mapping[str, Any]:
        episode = {"fitness": 0.0, "steps": 100, "edges": [0, 50, 100], "stages": {}, "events": []}
        labels = [field["name"] for field in job.spec["fields"]]
        worst = {**episode, "stages": {label: [0.0, 1.0] for label in labels}, "events": [{"step": 50, "text": "it stops"}]}
        best = {**episode, "stages": {label: [0.0, 0.0] for label in labels}}
        write_atomically(folder / "episodes.safetensors", json.dumps([0.0, 0.0]))
        return {"policies": [{"worst": worst, "best": best}], "pinned": [0.0]}

    def _explain(self, job: Job, folder: Path) -> Mapping[str, Any]:
        """A reward pays every episode what it is worth: the fake knows no more of it."""
        worth = fake_worth((folder / "reward.py").read_bytes())
        episodes = sum(len(json.loads((folder / f"episodes-{k}.safetensors").read_bytes())) for k in range(job.spec["parts"]))
        return {"terms": [{"name": "term", "episodes": [worth] * episodes, "saturated": 0.0}]}

    def _compare(self, job: Job, folder: Path) -> Mapping[str, Any]:
        """All rewards are far apart."""
        new = range(job.spec["first"], len(job.spec["rewards"]))
        nearest = [{"to": k - 1, "distance": 0.7} if k else None for k in new]
        return {"nearest": nearest, "differ": [[] for _ in new], "centred": True}

    def _render(self, job: Job, folder: Path) -> Mapping[str, Any]:
        if "stills" in job.spec:
            return {"frames": job.spec["stills"], "stills": ["/9j/"] * job.spec["stills"]}
        write_atomically(folder / "clip.mp4", b"")
        return {"frames": 0}


def fake_worth(source: bytes) -> float:
    """Return the sum of the numbers in a reward's source, at most 10; 0 where it is no Python."""
    tree = parse(source.decode(), "exec")
    if isinstance(tree, Unreadable):
        return 0.0
    numbers = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and type(n.value) is float]
    return min(10.0, sum(numbers))


def _noise(seed: int) -> float:
    return hashlib.sha256(str(seed).encode()).digest()[0] / 2560
