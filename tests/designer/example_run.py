"""A finished run made by hand: two rounds, a winner, both baselines, one refused and one crashed candidate."""

from __future__ import annotations

import itertools
from pathlib import Path

from designer.archive import HUMAN, SPARSE
from designer.config import Config
from designer.journal import (
    CallFinished,
    CallStarted,
    CandidateProposed,
    Event,
    Journal,
    RunFinished,
    RunStarted,
    TrialsFinished,
)
from designer.records import Candidate, Expression, Fault, Function, Score, Status, Task, Trace, Trial, Verb, Verdict
from designer.runs import Run
from tests.designer.cheetah_table import cheetah_table

FINAL_SEEDS = (1000, 1001, 1002, 1003, 1004)
WINNER = "g02c01"
FINAL = {
    WINNER: (4.1, 4.5, 4.3, 4.2, 4.4),
    HUMAN: (3.9, 4.6, 3.7, 4.4, 4.0),
    SPARSE: (1.1, 1.4, 1.2, 1.3, 1.0),
    "g01c00": (3.0, 3.2, 2.6, 3.5, 2.9),
}
SOURCE = '''import torch
from torch import Tensor


def reward(s: State, a: Tensor) -> dict[str, Tensor]:
    """Pay for speed {direction}, a little for saving effort."""
    speed_temperature = {temperature}  # m/s
    run = torch.tanh(-s.torso_velocity[:, 0] / speed_temperature)
    return {{"run_backward": run, "effort": -0.01 * a.square().sum(-1)}}
'''


def example_task(**changes: object) -> Task:
    task = Task(
        name="half_cheetah_backward",
        text="Make the half-cheetah run backward.",
        world="half_cheetah",
        fitness=Expression(text="mean(-torso_velocity[x])", tree={}),
        fitness_origin="given",
        fitness_unit="m/s",
        human=Function(file="human.py", name="backward", source=SOURCE.format(direction="back", temperature=1.0)),
        human_origin="gymnasium HalfCheetah-v5, with the sign of the velocity flipped",
        solved_at=2.0,
        steps=300_000,
    )
    return task.model_copy(update=changes)


def candidate(name: str, verb: Verb = Verb.INIT, parents: tuple[str, ...] = (), **changes: object) -> Candidate:
    made = Candidate(
        id=name,
        round=int(name[1:3]),
        sample=int(name[4:6]),
        verb=verb,
        parents=parents,
        proposer="composer",
        why="Saturating speed keeps one fast step from paying for ten slow ones.",
        expects="A steady gait after half of the training.",
        source=SOURCE.format(direction="backward", temperature=2.0 if parents else 3.0),
    )
    return made.model_copy(update=changes)


def trial(name: str, purpose: str, seed: int, fitness: float) -> Trial:
    """A training that ended well: five checkpoints on the way to `fitness`."""
    points = (0.1, 0.4, 0.7, 0.9, 1.0)
    return Trial(
        candidate=name,
        purpose="final" if purpose == "final" else "search",
        seed=seed,
        status=Status.OK,
        steps=300_000,
        scores=tuple(
            Score(fraction=(k + 1) / 5, fitness=fitness * share, success=0.9, episode_s=50.0, episodes=20)
            for k, share in enumerate(points)
        ),
        traces=(
            Trace(name="run_backward", mean=tuple(0.09 * k for k in range(10)), low=-0.2, high=0.85),
            Trace(name="effort", mean=tuple(-0.06 + 0.004 * k for k in range(10)), low=-0.06, high=-0.02),
        ),
        folder=f"candidates/{name}/{purpose}",
        train_cpu_s=12.0,
        wall_s=14.0,
    )


def crashed(name: str, purpose: str = "search", seed: int = 1, error: str = "line 8: shapes don't fit") -> Trial:
    ended = trial(name, purpose, seed, 0.0)
    return ended.model_copy(update={"status": Status.CRASHED, "error": error, "scores": (), "traces": ()})


def started() -> RunStarted:
    return RunStarted(
        task="0",
        config="{}",
        proposer="composer",
        sandbox="embedded",
        fitness="given: mean(-torso_velocity[x])",
        version="0.1.0",
    )


def proposed(made: Candidate, faults: tuple[Fault, ...] = ()) -> CandidateProposed:
    verdict = Verdict(status=Status.REJECTED if faults else Status.OK, faults=faults)
    return CandidateProposed(candidate=made, verdict=verdict)


def trained(*trials: Trial) -> TrialsFinished:
    return TrialsFinished(trials=trials, walls="embedded: own user, no network, Landlock, seccomp")


def finals(name: str, values: tuple[float, ...]) -> TrialsFinished:
    return trained(*(trial(name, "final", seed, value) for seed, value in zip(FINAL_SEEDS, values, strict=False)))


def rounds() -> list[Event]:
    """All that comes before the finals."""
    return [
        started(),
        proposed(candidate("g01c00")),
        proposed(candidate("g01c01"), (Fault(line=7, message="s.speed is no field.", hint="Did you mean torso_velocity?"),)),
        proposed(candidate("g01c02")),
        trained(trial("g01c00", "search", 1, 3.4)),
        trained(crashed("g01c02")),
        proposed(candidate("g02c00")),
        proposed(candidate(WINNER, Verb.MUTATE, ("g01c00",))),
        trained(trial("g02c00", "search", 1, 0.8)),
        trained(trial(WINNER, "search", 1, 4.9)),
    ]


def finished(final: dict[str, tuple[float, ...]] | None = None, winner: str | None = WINNER) -> list[Event]:
    ended = [finals(name, values) for name, values in (FINAL if final is None else final).items()]
    reason = "all rounds and the final trainings are done" if winner else "no candidate could be trained to the end"
    return [*rounds(), *ended, RunFinished(reason=reason, winner=winner)]


def calls(tokens: int | None) -> list[Event]:
    """One model call."""
    return [
        CallStarted(key="r01-first-s00-a0", request="0"),
        CallFinished(key="r01-first-s00-a0", model="m", prompt_tokens=tokens, completion_tokens=tokens),
    ]


def example_run(folder: Path, events: list[Event], task: Task | None = None, config: Config | None = None) -> Run:
    """Write a run whose journal has an event every ten seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    run = Run(folder, task or example_task(), cheetah_table(), config or Config())
    times = itertools.count(0, 10)
    journal = Journal(run.journal, clock=lambda: float(next(times)))
    for event in events:
        journal.append(event)
    return run
