"""ICPL with a played rater: the fitness that is reached by so many answers, so many of them wrong. Resumable.

    .venv/bin/python -m benchmarks.icpl LOG [--minutes M]     trains what LOG lacks, for so long, then prints the table

A run is the product's own: the rule, the rater, the composer, trainings and judging in boxes. Three arms differ only in what
they know: ICPL has answers about candidates and no score, "by fitness" breeds alike and is told every score, and a rater whose
answers are all dice knows nothing. Only trainings are stored: a line of LOG (JSON) is one, named by a hash of all that it
depends on, and runs that train the same reward share it. The fitness reached is the winner's mean over final seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from designer import __version__
from designer.archive import Archive
from designer.assemble import describe
from designer.bundle import bundle_root
from designer.check import check
from designer.config import Config, load
from designer.executors import Executor
from designer.feedback.ranking import ask_raters
from designer.journal import CandidateProposed, TrialsFinished
from designer.proposers import Draft, Slot
from designer.proposers.composer import Composer
from designer.records import Candidate, Status, Verdict, digest
from designer.resampling import bootstrap
from designer.reviewing import brief_for
from designer.runs import stage_worker_code
from designer.sandboxes import EMBEDDED, provider_of
from designer.search import Advance, Ask, Batch, Propose, Stop
from designer.search.asking import Asking
from designer.search.icpl import Icpl
from designer.statistics import Interval, mean
from designer.task import find_task, resolve_task
from designer.trials import batch_spec, run_batch
from designer.workbench import Workbench
from designer.world_source import locate_world

STEPS = {"pendulum_swing_up": 60_000, "inverted_double_pendulum_balance": 50_000, "half_cheetah_backward": 40_000}
ROUNDS, POPULATION, FINAL_SEEDS = 2, 6, 3
SEEDS, RATERS = (0, 1, 2), (0, 1)
RATER_SPAN = 1000


class Arm(NamedTuple):
    """Who steers. answers: how many a run has in all. shown: how many candidates an answer puts in order.

    error: how many of the comparisons that lead to it come out the wrong way round; one half is dice.
    """

    rule: str
    answers: int = 0
    error: float = 0.0
    shown: int = 4

    @property
    def raters(self) -> tuple[int, ...]:
        """A rater who never errs is one; others are played several times."""
        return RATERS if self.error else RATERS[:1]

    @property
    def title(self) -> str:
        if self.rule != "icpl":
            return self.rule
        kind = "pairs" if self.shown == 2 else f"orders of {self.shown}"
        return f"icpl, {self.answers} answers ({kind}), {self.error:.0%} wrong"


BY_FITNESS = Arm("by fitness")
DICE = Arm("icpl", 10, 0.5)
ARMS = (
    *(BY_FITNESS, Arm("icpl", 10), Arm("icpl", 10, 0.2), DICE, Arm("icpl", 4), Arm("icpl", 20)),
    *(Arm("icpl", 10, 0.1), Arm("icpl", 10, 0.3), Arm("icpl", 10, shown=2), Arm("icpl", 10, 0.2, shown=2)),
)


class ByFitness(Icpl):
    """Breeds and ends as ICPL does, by the scores instead of answers."""

    name = "by fitness"

    def best_first(self, archive: Archive, round_: int) -> list[str]:
        scores = {c.id: archive.search_score(c.id) for c in archive.candidates.values() if c.round < round_}
        known = {name: score for name, score in scores.items() if score is not None}
        return sorted(known, key=lambda name: -known[name])


Found = dict[Arm, dict[str, dict[int, list[float]]]]


class OutOfTimeError(Exception):
    """The minutes are over; what is stored is stored."""


class Trainings:
    """Trainings by what they depend on, kept in a log. `until`: when no further one is begun (monotonic clock)."""

    def __init__(self, log: Path, until: float) -> None:
        self._log = log
        self._until = until
        lines = log.read_text().splitlines() if log.exists() else []
        self._known = {row["of"]: TrialsFinished.model_validate(row["finished"]) for row in map(json.loads, lines)}

    def __call__(self, bench: Workbench, batch: Batch, source: str) -> TrialsFinished:
        """Return how a batch ended, under the name that the candidate has in this run. Raises OutOfTimeError."""
        of = digest(batch_spec(bench, batch, source))
        if of not in self._known:
            if time.monotonic() > self._until:
                raise OutOfTimeError
            with tempfile.TemporaryDirectory() as folder:
                self._known[of] = run_batch(bench._replace(folder=Path(folder)), batch, source, lambda _: None)
            with self._log.open("a") as file:
                file.write(json.dumps({"of": of, "finished": self._known[of].model_dump(mode="json")}) + "\n")
        known = self._known[of]
        return known.model_copy(
            update={"trials": tuple(trial.model_copy(update={"candidate": batch.candidate}) for trial in known.trials)}
        )


def config_of(arm: Arm, task: str, seed: int) -> Config:
    """Return a run's settings; the answers are shared out over the rounds, the finals' question last."""
    return load(
        None,
        {
            **{"search.rounds": str(ROUNDS), "search.population": str(POPULATION), "search.final_seeds": str(FINAL_SEEDS)},
            **{"search.seed": str(seed), "search.rule": "icpl" if arm.rule == "icpl" else "benchmarks.icpl:ByFitness"},
            **{"training.steps": str(STEPS[task]), "evaluation.episodes": "5", "evaluation.checkpoints": "1"},
            **{"evaluation.checkpoint_episodes": "1", "clips": "false", "sandbox.provider": EMBEDDED},
            **{"feedback.source": "ranking", "feedback.rater": "simulated", "feedback.error": str(arm.error)},
            **{"feedback.answers": str(arm.answers // ROUNDS), "feedback.shown": str(arm.shown)},
        },
    )


@contextmanager
def bench_of(task_name: str) -> Iterator[Workbench]:
    """Give a bench with boxes for one task; its config is replaced for every run."""
    config = config_of(BY_FITNESS, task_name, 0)
    draft = find_task(task_name, bundle_root() / "envs", "", "")
    table = describe(locate_world(draft.world, "", draft.folder), config)
    task = resolve_task(draft, table).model_copy(update={"steps": STEPS[task_name]})
    with tempfile.TemporaryDirectory() as code:
        stage_worker_code(Path(code) / "code")
        executor: Executor = provider_of(config).executor(Path(code) / "code")
        yield Workbench(task, table, config, executor, Path(code))
        executor.stop()


def reached(bench: Workbench, arm: Arm, rater: int, trainings: Trainings) -> float:
    """Carry one run out and return its winner's mean fitness over the final seeds."""
    archive, config = Archive(), bench.config.search
    rule = Asking(Icpl(config, ()), ROUNDS) if arm.rule == "icpl" else ByFitness(config, ())
    asks = bench._replace(config=_as_rater(bench.config, rater))
    while archive.finished is None:
        match rule.next(archive):
            case Propose(slots=slots):
                brief = brief_for(bench, archive, slots[0].round, "")
                for slot in slots:
                    archive.add(proposed(bench, slot, Composer().propose(brief, slot)))
            case Advance(batches=batches):
                for batch in batches:
                    archive.add(trainings(bench, batch, archive.source(batch.candidate)))
            case Ask(round=round_):
                for event in ask_raters(asks, archive, round_, threading.Event()):
                    archive.add(event)
            case Stop(winner=winner):
                return mean(archive.final_scores(winner)) or 0.0 if winner else 0.0
    raise AssertionError


def proposed(bench: Workbench, slot: Slot, draft: Draft) -> CandidateProposed:
    """Make a draft a candidate, after the static check; the composer writes nothing that a probe would refuse."""
    faults = check(draft.source, bench.table)
    candidate = Candidate(
        **slot.model_dump(), id=slot.id, proposer=Composer.name, why=draft.why, expects=draft.expects, source=draft.source
    )
    verdict = Verdict(status=Status.REJECTED if faults else Status.OK, faults=tuple(faults))
    return CandidateProposed(candidate=candidate, verdict=verdict)


def _as_rater(config: Config, rater: int) -> Config:
    """Give the rater dice of its own: the product takes them from the run's seed."""
    seed = config.search.seed + RATER_SPAN * rater
    return config.model_copy(update={"search": config.search.model_copy(update={"seed": seed})})


def measured(log: Path, minutes: float) -> Found:
    """Carry out every run that the time allows. Returns arm -> task -> the fitness of each (seed, rater)."""
    trainings = Trainings(log, time.monotonic() + 60 * minutes)
    found: Found = {}
    with ExitStack() as stack:
        benches = {task: stack.enter_context(bench_of(task)) for task in STEPS}
        for seed, arm, task in product(SEEDS, ARMS, STEPS):
            at = benches[task]._replace(config=config_of(arm, task, seed))
            with suppress(OutOfTimeError):
                scores = [reached(at, arm, rater, trainings) for rater in arm.raters]
                found.setdefault(arm, {}).setdefault(task, {})[seed] = scores
    return found


def table(found: Found) -> None:
    """Print each arm's fitness as a share of what the search by fitness reaches on the same task and seed."""
    print("| who steers | runs | " + " | ".join(STEPS) + " | all tasks, share (95 %) |")
    print("|---|---|" + "---|" * (len(STEPS) + 1))
    for arm, tasks in found.items():
        shares = {task: _shares(found, arm, task) for task in tasks}
        cells = [f"{fmean(shares[task]):.2f}" if shares.get(task) else "-" for task in STEPS]
        runs = sum(len(scores) for seeds in tasks.values() for scores in seeds.values())
        print(f"| {arm.title} | {runs} | {' | '.join(cells)} | {_told(bootstrap(shares, fmean))} |")
    print("\nBy fitness: " + "; ".join(f"{task} {_values(seeds)}" for task, seeds in found.get(BY_FITNESS, {}).items()))


def _shares(found: Found, arm: Arm, task: str) -> list[float]:
    """Return one share a search seed, the mean over its raters; the reference is the task's mean by fitness.

    A seed's own reference would divide by the luck of one winner.
    """
    reference = found.get(BY_FITNESS, {}).get(task)
    if not reference:
        return []
    whole = fmean(scores[0] for scores in reference.values())
    return [fmean(scores) / whole for scores in found[arm][task].values()]


def _values(seeds: dict[int, list[float]]) -> str:
    return ", ".join(f"{scores[0]:.3g}" for scores in seeds.values())


def _told(span: Interval | None) -> str:
    return f"{span.mean:.2f} ({span.low:.2f} to {span.high:.2f})" if span else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path)
    parser.add_argument("--minutes", type=float, default=0, help="for how long trainings may begin; 0 prints what is there")
    asked = parser.parse_args()
    found = measured(asked.log, asked.minutes)
    cores = len(os.sched_getaffinity(0))
    print(f"{platform.machine()}, {cores} cores, Python {platform.python_version()}, designer {__version__}")
    table(found)


if __name__ == "__main__":
    main()
