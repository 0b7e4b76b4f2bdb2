"""Put the parts of a run together: the worker that its boxes run, who proposes, what searches."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from designer.baselines import BaselineCache, cache_root, folder_hash
from designer.clusters import cluster_slots, is_on_a_cluster
from designer.config import Config
from designer.display import Display
from designer.environments import environment_recipe
from designer.errors import SandboxError, TaskError
from designer.executors import Executor, Job, Limits
from designer.executors.at_most import AtMost
from designer.executors.devices import Devices, Pinned, present
from designer.executors.results import read_table
from designer.executors.resumable import Resumable
from designer.feedback.analyst import ANALYST, Analyst
from designer.feedback.critic import CRITIC, Critic
from designer.feedback.model_rater import RATER, ModelRater
from designer.feedback.ranking import ask_raters
from designer.feedback.viewer import VIEWER, Viewer
from designer.journal import Journal, JudgeSwitchedOff
from designer.library import memory_of
from designer.llm import LLM
from designer.loop import Loop
from designer.machine_slots import MachineSlots, Sharing, cores, slots_folder
from designer.modelling import stored_model
from designer.proposers.composer import Composer
from designer.proposers.heron import Heron
from designer.proposers.llm import LanguageModel
from designer.proposers.reviser import Reviser
from designer.records import StateTable, Status, digest
from designer.reviewing import EpisodeReader
from designer.runs import GIVEN_FILE, Run, stage_worker_code
from designer.sandboxes import provider_of
from designer.scratch import scratch_folder
from designer.search import Search
from designer.search.asking import Asking
from designer.search.rules import AS_PUBLISHED, make_search
from designer.seeds import random_play_seed
from designer.tables import Measured
from designer.watching import FilmReader
from designer.workbench import Workbench
from designer.world_source import WorldSource, stage_world

DESCRIBE_LIMITS = Limits(cpu_s=120, wall_s=300)


def slots(config: Config) -> int:
    """Return how many boxes run at once. Raises ConfigError, SandboxError where a cluster is to say it and doesn't."""
    return config.executor.slots or (cluster_slots(config) if is_on_a_cluster(config) else cores())


@contextmanager
def scratch_box(config: Config, world: WorldSource) -> Iterator[tuple[Executor, Path]]:
    """Give an executor and a folder for a job that belongs to no run; the folder goes away with it."""
    with scratch_folder() as scratch:
        stage_worker_code(scratch / "code")
        stage_world(world, scratch / "code")
        yield provider_of(config).executor(scratch / "code"), scratch


def describe(world: WorldSource, config: Config, *, anew: bool = False) -> StateTable:
    """Measure a world's state table in a box, or take one that was. Raises TaskError where there is no such world.

    anew: measure it in any case, to see that a box can.
    """
    job = describe_job(world.name, config)
    with scratch_box(config, world) as (executor, scratch):
        measured = Measured(world, config, worker_hash(config, executor, scratch / "code"), job.spec)
        if not anew and (known := measured.fetch()):
            return known
        result = executor.run(job, scratch / "describe", lambda _: None)
    if result.status is Status.REJECTED:
        raise TaskError(f"{result.error.rstrip('.')}.")
    if result.status is not Status.OK:
        raise SandboxError(f"describing {world.name} failed ({result.status}): {result.error}")
    table = read_table(result.content)
    measured.keep(result.content)
    return table


def describe_job(world: str, config: Config) -> Job:
    """Describe the description: a world, and the seed of its random play."""
    return Job("describe", {"world": world, "seed": random_play_seed(config.search.seed)}, {}, DESCRIBE_LIMITS)


def executor_for(run: Run, say: Callable[[str], None] = lambda line: None) -> Executor:
    """Return what runs this run's boxes; on this machine each holds one of its slots while it works, and trainings a GPU."""
    executor: Executor = provider_of(run.config, say).executor(run.code)
    if is_on_a_cluster(run.config):
        return Resumable(executor)
    if run.config.executor.gpus_per_job:
        executor = Pinned(executor, Devices(present(os.environ), run.config.executor.gpus_per_job))
    if run.config.executor.shared:
        machine = MachineSlots(slots_folder(), max(cores(), slots(run.config)), say)
        executor = Sharing(executor, machine, run.folder)
    return Resumable(executor)


def search_for(run: Run) -> Search:
    """Return the search of a run; it asks raters where they are to steer it."""
    search = make_search(run.config.search, run.baselines)
    return Asking(search, run.config.search.rounds) if run.config.feedback.source == "ranking" else search


def baselines_of(run: Run, executor: Executor) -> BaselineCache | None:
    """Return where this run's baselines are kept and taken from, or None where it wants its own."""
    if not run.config.cached_baselines:
        return None
    return BaselineCache(cache_root(), worker_hash(run.config, executor, run.code))


def worker_hash(config: Config, executor: Executor, code: Path) -> str:
    """Hash what a box's work depends on beside its job: its kind, its packages, and the code that it imports."""
    worker = config.worker
    packages = str(worker.python) if worker.python else environment_recipe(worker.environment).wanted()
    return digest([executor.name, packages, folder_hash(code)])


def make_loop(
    run: Run,
    executor: Executor,
    display: Display,
    say: Callable[[str], None],
    llm: LLM | None = None,
    cache: BaselineCache | None = None,
) -> Loop:
    """Return the loop of a run, with everything that has already happened in its archive. `llm` outweighs the config's."""
    journal = Journal(run.journal, time.time)
    journal.mend()
    asks = llm is not None or run.config.llm.provider != "composer"
    screens = run.config.search.screen and run.config.search.rule not in AS_PUBLISHED
    boxes = AtMost(executor, slots(run.config))
    remembered = memory_of(run.folder).schedule
    bench = Workbench(
        run.task, run.table, run.config, boxes, run.folder, cache, analyses=True, screens=screens, schedule=remembered
    )
    loop = Loop(
        bench,
        search_for(run),
        Composer(run.config.curriculum.form, asks_solved=run.config.asks_solved),
        journal,
        run.archive(),
        display,
    )
    loop.world_source, loop.vigil.say = run.world_source, say
    is_revision = (run.folder / GIVEN_FILE).is_file()
    if is_revision:
        loop.proposer = Reviser((run.folder / GIVEN_FILE).read_text(encoding="utf-8"), "the given reward")
    if asks:
        _seat_model(run, loop, stored_model(run, loop.archive, loop.record, say, loop.stopping, llm, loop.vigil.outage))
    if run.task.order and run.config.feedback.ordered_reward and not is_revision:
        loop.proposer = Heron(loop.proposer)
    return loop


def _seat_model(run: Run, loop: Loop, model: LLM) -> None:
    """Give the loop its proposer and its judges. A judge that was switched off stays so."""

    def switched_off(judge: str) -> Callable[[str], None]:
        return lambda reason: loop.record(JudgeSwitchedOff(judge=judge, reason=reason))

    form, asks_solved = run.config.curriculum.form, run.config.asks_solved
    loop.proposer = LanguageModel(model, run.prompts, run.config.prompt.digest, form, asks_solved=asks_solved)
    loop.parallel = run.config.llm.parallel
    off = loop.archive.judges_off
    if run.config.feedback.rater == "model" and RATER not in off:
        loop.ask = partial(ask_raters, model=ModelRater(model, run.prompts, switched_off(RATER)))
    if run.config.llm.critic and CRITIC not in off:
        loop.critic = Critic(model, run.prompts, switched_off(CRITIC))
    if run.config.llm.analyst and not run.config.by_people_alone and ANALYST not in off:  # it is told scores
        loop.readers.append(EpisodeReader(Analyst(model, run.prompts, switched_off(ANALYST)), run.config.llm.parallel))
    if run.config.llm.frames and VIEWER not in off:
        loop.readers.append(FilmReader(Viewer(model, run.prompts, switched_off(VIEWER))))
