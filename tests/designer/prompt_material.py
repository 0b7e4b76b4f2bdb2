"""What prompts are made from, in tests: a task with secrets, three candidates with evidence, a brief, a slot."""

from __future__ import annotations

from designer.bundle import bundle_root
from designer.proposers import Brief, Entry, Slot
from designer.records import (
    Candidate,
    Expression,
    Fault,
    Function,
    Remark,
    Score,
    StateTable,
    Status,
    Task,
    Trace,
    Trial,
    Verb,
    Verdict,
)
from tests.designer.cheetah_table import cheetah_table

FOLDER = bundle_root() / "prompts"
FITNESS = "mean(-torso_velocity[x])"
HUMAN = """def backward(s, a):
    velocity = (s.torso_position[:, 0] - s.prev.torso_position[:, 0]) / DT_S
    return {"run": -velocity}
"""
SOURCE = 'def reward(s, a):\n    weight = 2.0\n    return {"run": -weight * s.torso_velocity[:, 0]}\n'
GOOD = "```python\n" + SOURCE + "```\nWhy: speed.\nExpects: a run."


def task() -> Task:
    tree = {"call": "mean", "of": {"minus": {"field": "torso_velocity", "component": "x"}}}
    return Task(
        name="cheetah-backward",
        text="make the half-cheetah run backward",
        world="half_cheetah",
        fitness=Expression(text=FITNESS, tree=tree),
        fitness_origin="given",
        fitness_unit="m/s",
        success=Expression(text="mean(-torso_velocity[x]) > 3", tree={"greater": [tree, 3]}),
        sparse=Expression(text="-torso_velocity[x]", tree=tree["of"]),
        human=Function(file="human.py", name="backward", source=HUMAN),
        steps=500_000,
    )


def candidate(sample: int, **changes) -> Candidate:
    slot_ = {"id": f"g00c{sample:02d}", "round": 0, "sample": sample, "verb": Verb.INIT, "proposer": "m"}
    written = {"source": SOURCE, "why": "pays for speed.", "expects": "faster and faster."}
    return Candidate(**slot_ | written | changes)


def trial(sample: int, seed: int, fitness: float) -> Trial:
    scores = [Score(fraction=share, fitness=fitness * share, success=0.25, episode_s=50.0, episodes=4) for share in (0.5, 1.0)]
    trace = Trace(name="run", mean=tuple(index / 3 for index in range(10)), low=-2.0, high=3.5)
    return Trial(
        candidate=f"g00c{sample:02d}", purpose="search", seed=seed, status=Status.OK, steps=1000,
        scores=tuple(scores), traces=(trace,), folder="t",
    )  # fmt: skip


def failed_trial(sample: int) -> Trial:
    return Trial(
        candidate=f"g00c{sample:02d}", purpose="search", seed=0, status=Status.NON_FINITE, steps=10,
        error="line 3: term 'run' holds NaN or infinity", folder="t",
    )  # fmt: skip


def entries() -> tuple[Entry, ...]:
    fine = Verdict(status=Status.OK)
    refused = Verdict(status=Status.REJECTED, faults=(Fault(line=3, message="no field x."),))
    remark = Remark(candidate="g00c00", source="person", kind="text", text="it crawls on its back", blocking=True)
    return (
        Entry(candidate(0), fine, (trial(0, 0, 2.0), trial(0, 1, 3.0)), (remark,)),
        Entry(candidate(1, why="", expects=""), refused, (), ()),
        Entry(candidate(2), fine, (failed_trial(2),), ()),
    )


def brief(made: tuple[Entry, ...] = (), table: StateTable | None = None) -> Brief:
    return Brief(task=task(), table=table or cheetah_table(), entries=made, seed=0)


def slot(verb: Verb = Verb.INIT, parents: tuple[str, ...] = (), sample: int = 0, round_: int = 0) -> Slot:
    return Slot(round=round_, sample=sample, verb=verb, parents=parents)
