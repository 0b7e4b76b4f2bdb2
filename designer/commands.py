"""What the commands do. Each takes the parsed command line and prints for people."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from designer import environments, terminal
from designer.assemble import baselines_of, describe, executor_for, make_loop, slots
from designer.baselines import BaselineCache
from designer.budget import planned_units
from designer.bundle import bundle_root
from designer.checking import check_and_probe
from designer.config import Config, load, to_toml, with_environment
from designer.deriving import settled
from designer.display import LiveTable, Plain
from designer.doctor import engine_answers, examine
from designer.dry_run import slurm_script
from designer.ending import console_line, require_future, resumable, tight_disk, tight_time, told_at_the_end
from designer.errors import ConfigError, InputError, RewardRefusedError
from designer.executors import Executor
from designer.executors.conformance import Verdict, conformance
from designer.executors.engine import DockerEngine
from designer.filming import film
from designer.forecast import forecast
from designer.images import Source, build_image
from designer.journal import RunStarted, locked
from designer.library import aids_told, as_files, examples_for, library_root, with_schedule
from designer.live import Published
from designer.modelling import require_model
from designer.notifying import Notifier, command_from
from designer.origin import MACHINE_SETTINGS, here, settle
from designer.prompts import Prompts
from designer.rankers import ranked_only, with_rater
from designer.records import StateTable, Task
from designer.review.report import write_report
from designer.review.verdict import sentences, verdict_of
from designer.run_until import with_end
from designer.runs import Run, create, open_run
from designer.sandboxes import AUTO, DOCKER, EMBEDDED, choose, require_consent
from designer.search.rules import rule_named
from designer.showing import print_code, show_candidate, show_run, show_runs
from designer.task import TaskDraft, find_task, require_fitness, resolve_task, with_order
from designer.text import printable
from designer.trackers.choosing import Named, trackers_of, trackers_that_work
from designer.trackers.tracking import tracking
from designer.trainers import require_trainer
from designer.training_defaults import training_of, with_training
from designer.world_source import WorldSource, locate_world

MARKS = {Verdict.HOLDS: "ok ", Verdict.BROKEN: "NO ", Verdict.NOT_CHECKABLE: "-- "}
NO_MODEL_HINT = """To let a language model write the rewards, set OPENAI_API_KEY and type
  designer run {what} --llm.model MODEL
or, with a local server:      --llm.model NAME --llm.base-url http://localhost:8000/v1
or, with a chat in a browser: --llm.provider manual"""


def run(asked: argparse.Namespace) -> None:
    """Design a reward, or go on with a run that was stopped."""
    console = terminal.console()
    notifier = Notifier(command_from(asked.notify), console_line(console))
    folder = Path(asked.what)
    if folder.is_dir():
        resumed = resume(folder, asked)
        carry_out_anew(resumed, console, notifier)
        return
    config = load(asked.config_file, asked.settings)
    if asked.dry_run:
        print(slurm_script(draft_asked_for(asked), config))
        return
    require_model(config)
    require_future(config, datetime.now())
    started = prepare(asked, config, console).made(asked.runs, datetime.now())
    carry_out_anew(started, console, notifier)
    if config.llm.provider == "composer":
        console.print(Text("\n" + NO_MODEL_HINT.format(what=_retyped(asked))), soft_wrap=True)


def baseline(asked: argparse.Namespace) -> None:
    """Play at random, train the human-written reward and the fitness as reward: a run without rounds."""
    console = terminal.console()
    config = load(asked.config_file, {**asked.settings, "search.rounds": "0"})
    carry_out_anew(prepare(asked, config, console).made(asked.runs, datetime.now()), console)


def plan(asked: argparse.Namespace) -> None:
    """Forecast a run: train for some seconds, then count."""
    console = terminal.console()
    found = prepare(asked, load(asked.config_file, asked.settings), console)
    console.print(Text(forecast(found.task, found.table, found.config, found.world)), soft_wrap=True)


def fitted(config: Config, world: WorldSource, asked: argparse.Namespace, console: Console) -> Config:
    """Settle on the environment of a world and on a sandbox that works here, so that a run keeps both.

    Says why a stronger sandbox was not taken.
    """
    config = with_environment(config, environments.environment_of(world.name))
    require_consent(config, asked.unsafe)
    choice = choose(config)
    for reason in choice.passed_over:
        if engine_answers(config):
            console.print(Text(f"not used: {reason}"), soft_wrap=True)
    return choice.config


class Prepared(NamedTuple):
    """What a run begins with. `config` names the worker environment that the world needs, and a sandbox that works."""

    task: Task
    table: StateTable
    world: WorldSource
    config: Config
    held_out: bool = False

    def made(self, parent: Path, now: datetime) -> Run:
        """Make the run's folder, with what earlier runs left to learn from. Raises RunError, DiskError."""
        memory = examples_for(library_root(), self.task, self.table, self.config.library.examples, self.held_out)
        memory = with_schedule(memory, library_root(), self.task, self.table, self.config)
        return create(parent, self.task, self.table, self.config, now, self.world, as_files(memory))


def prepare(asked: argparse.Namespace, config: Config, console: Console) -> Prepared:
    """Find the task and measure its world. Raises TaskError."""
    return prepare_draft(draft_asked_for(asked), asked, config, console)


def draft_asked_for(asked: argparse.Namespace) -> TaskDraft:
    """Read the files of the task that was typed. Raises TaskError."""
    draft = find_task(asked.what, bundle_root() / "envs", asked.env or "", asked.fitness or "")
    return with_order(draft, asked.order or ())


def prepare_draft(draft: TaskDraft, asked: argparse.Namespace, config: Config, console: Console) -> Prepared:
    """Measure a task's world and read its expressions against it. Raises TaskError."""
    rule_named(config.search.rule)  # what can't be had is told now
    trackers_of(config.track)
    if draft.file.left:
        console.print(f"{draft.name} has left the suite, so nothing is claimed of it: {draft.file.left}.", markup=False)
    world = world_of(draft, asked.state)
    config = fitted(config, world, asked, console)
    table = describe(world, config)
    config = with_training(config, draft.file.training, training_of(world, table.world, draft.file.says_steps))
    require_trainer(config, table)
    task = resolve_task(draft, table)
    if config.training.steps:
        task = task.model_copy(update={"steps": config.training.steps})
    config = with_rater(config, task)
    if task.fitness is None and config.feedback.source == "ranking":
        task, config = ranked_only(task, table, config)
    elif config.llm.provider == "composer":  # a language model drafts what is missing
        require_fitness(task, table)
    return Prepared(task, table, world, config, draft.file.held_out)


def world_of(draft: TaskDraft, state: str | None) -> WorldSource:
    """Find a task's world. A state table that was typed outweighs the task's own; it is seen from the working directory."""
    return locate_world(draft.world, str(Path(state).absolute()) if state else draft.file.state, draft.folder)


def describe_world(asked: argparse.Namespace) -> None:
    """Print a world's state table exactly as a model sees it."""
    world = locate_world(asked.world, asked.state or "")
    config = fitted(load(asked.config_file, asked.settings), world, asked, terminal.console(stderr=True))
    table = describe(world, config)
    prompts = Prompts(bundle_root() / "prompts")
    print(f"World: {table.world}. {table.summary}\n")
    if table.variants:
        print(f"Variants that a training may play: {', '.join(table.variants)}.\n")
    print(prompts.render("_state_table.j2", table=table), end="")


def resume(folder: Path, asked: argparse.Namespace) -> Run:
    """Open a run folder to go on. Raises ConfigError where it is given settings that don't belong to this machine and time."""
    run = open_run(folder)
    kept = [name for name in asked.settings if name not in MACHINE_SETTINGS]
    if kept or asked.config_file or asked.env or asked.fitness or asked.order or asked.state:
        raise ConfigError(f"{folder} is a run: it keeps the settings that it began with. Start a new run to change them.")
    require_consent(run.config, asked.unsafe)
    if not asked.settings:
        return run
    trackers_of(asked.settings.get("track", ""))
    config = load(folder / "config.toml", asked.settings)
    return run._replace(config=with_end(config, datetime.now()) if "search.until" in asked.settings else config)


def carry_out_anew(run: Run, console: Console, notifier: Notifier | None = None, trackers: Sequence[Named] = ()) -> None:
    """Carry a run out in boxes of its own; only baselines may come from earlier runs."""
    executor = executor_for(run, console_line(console))
    carry_out(run, executor, console, baselines_of(run, executor), notifier, trackers)


def carry_out(
    run: Run,
    executor: Executor,
    console: Console,
    cache: BaselineCache | None = None,
    notifier: Notifier | None = None,
    trackers: Sequence[Named] = (),
) -> None:
    """Run the loop to its end, then film and report. A stop leaves everything that was finished, and says how to go on."""
    say = console_line(console)
    with locked(run.folder), told_at_the_end(run, notifier), resumable(run):
        say(f"{run.task.text}\nrun folder: {run.folder}")
        for line in settle(run.folder, here(run.folder, run.config)) if not run.archive().finished else ():
            say(line)
        for line in filter(None, (tight_disk(run), tight_time(run, datetime.now()))):
            say(line)
        run = settled(run, executor, say, approval(console))
        _design(run, executor, console, cache, trackers)
        clip = film(run, executor)
        path = write_report(run)
    finished(run, clip, path, console)


def approval(console: Console) -> Callable[[str], bool] | None:
    """Return how a person is asked to approve a drafted fitness, or None where nobody sits at the terminal."""
    if not (sys.stdin.isatty() and console.is_terminal):
        return None

    def ask(draft: str) -> bool:
        console.print(Text(f"\n{printable(draft, 8000)}"), soft_wrap=True)
        return input("Use this fitness? [y/n] ").strip().lower() in ("y", "yes")

    return ask


def _design(run: Run, executor: Executor, console: Console, cache: BaselineCache | None, trackers: Sequence[Named]) -> None:
    plain = Plain(console, run.task.fitness_unit)
    display = LiveTable(console, run.task.fitness_unit, planned_steps(run)) if console.is_terminal else plain
    published = Published(display, run.folder)
    say = console_line(console)
    with tracking(run, published, [*trackers_that_work(run.config.track, say), *trackers], say) as tracked:
        loop = make_loop(run, executor, tracked, say, cache=cache)
        if loop.archive.started is None:
            loop.record(_opening(run, loop.proposer.name, f"{executor.name} ({executor.walls()})"))
        opening = loop.archive.started
        assert opening is not None
        console.print(Text(printable(_header(opening))), soft_wrap=True)
        with published.beating(), display if isinstance(display, LiveTable) else nullcontext():
            loop.design(slots(run.config))


def _opening(run: Run, proposer: str, sandbox: str) -> RunStarted:
    from designer import __version__

    return RunStarted(
        task=run.task.digest,
        config=run.config.model_dump_json(),
        proposer=proposer,
        sandbox=sandbox,
        fitness=f"{run.task.fitness_origin}: {run.task.fitness}",
        version=__version__,
        trainer=run.config.training.trainer_name,
        aids="; ".join(aids_told(run)),
    )


def _header(opening: RunStarted) -> str:
    told = {"proposer": opening.proposer, "sandbox": opening.sandbox, "fitness": opening.fitness, "trainer": opening.trainer}
    told |= {"aids": opening.aids} if opening.aids else {}
    return "\n".join(f"{name + ':':<9} {text}" for name, text in told.items())


def planned_steps(run: Run) -> int:
    """Return the environment steps of all trainings that this run will do at most."""
    search = run.config.search
    return round(planned_units(search.size, search.cut, len(run.baselines)) * run.task.steps)


def finished(run: Run, clip: str, report_path: Path, console: Console) -> None:
    """Print the end of a run: the winner's code, the verdict, where to look."""
    archive = run.archive()
    winner = archive.finished.winner if archive.finished else None
    if winner:
        console.print(f"\nThe winner, {winner}:\n")
        print_code(archive.candidates[winner].source, console)
    console.print()
    for sentence in sentences(verdict_of(run, archive)):
        console.print(Text(sentence), soft_wrap=True)
    console.print(Text(f"\nclip:   {clip}\nreport: {report_path}"), soft_wrap=True)


def show(asked: argparse.Namespace) -> None:
    """List runs, or show one, or one candidate of it."""
    console = terminal.console()
    if asked.run is None:
        show_runs(asked.runs, console)
    elif asked.candidate is None:
        show_run(open_run(asked.run), console)
    else:
        show_candidate(open_run(asked.run), asked.candidate, asked.prompt, console)


def report(asked: argparse.Namespace) -> None:
    """Write a run's report anew."""
    print(write_report(open_run(asked.run)))


def check_file(asked: argparse.Namespace) -> None:
    """Check a reward file against a world, statically and on real transitions."""
    if not asked.task and not asked.env:
        raise InputError("check needs to know the world: --task half_cheetah_backward, or --env HalfCheetah-v5.")
    try:
        source = asked.file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{asked.file} can't be read: {error}.") from None
    if asked.task:
        world = world_of(find_task(asked.task, bundle_root() / "envs"), asked.state)
    else:
        world = locate_world(asked.env, asked.state or "")
    config = fitted(load(asked.config_file, asked.settings), world, asked, terminal.console(stderr=True))
    table = describe(world, config)
    verdict, seconds = check_and_probe(source, table, config, world)
    if verdict.faults:
        raise RewardRefusedError(f"{asked.file} is refused:\n" + "\n".join(f"  {fault}" for fault in verdict.faults))
    speed = "its box says nothing of its speed" if seconds is None else f"{seconds * 1e6:.0f} us a call for 64 worlds"
    print(f"{asked.file} is fine for {table.world}: {speed}.")


def doctor(asked: argparse.Namespace) -> None:
    """Look whether everything is there."""
    config = load(asked.config_file, asked.settings)
    if asked.sandbox:
        examine_sandbox(asked.sandbox, config)
        return
    findings = examine(config)
    for finding in findings:
        mark = "ok " if finding.fine else "-- " if finding.optional else "NO "
        print(f"{mark} {finding.what}: {finding.found}")
    if not all(finding.fine or finding.optional for finding in findings):
        raise InputError("something that is needed is missing: see NO above.")


def examine_sandbox(name: str, config: Config) -> None:
    """Run the conformance suite over a sandbox. Exits with 1 where it breaks the contract."""
    named = config.model_copy(update={"sandbox": config.sandbox.model_copy(update={"provider": name})})
    counts: Counter[Verdict] = Counter()
    for outcome in conformance(named):
        counts[outcome.verdict] += 1
        print(f"{MARKS[outcome.verdict]} {outcome.check}: {outcome.told}", flush=True)
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    print(f"{name}: {told}")
    if counts[Verdict.BROKEN]:
        raise SystemExit(1)


def show_config(asked: argparse.Namespace) -> None:
    """Print every setting."""
    print(to_toml(load(asked.config_file, asked.settings)), end="")


def image(asked: argparse.Namespace) -> None:
    """Make a worker environment: on disk for embedded boxes, and as an image where a container engine answers."""
    config = load(asked.config_file, asked.settings)
    wanted = asked.sandbox or AUTO
    if wanted in (AUTO, EMBEDDED):
        environments.build(asked.name)
    if wanted == AUTO and not engine_answers(config):
        return
    if wanted in (AUTO, DOCKER):
        if wanted == AUTO:
            print("A container engine answers, so its image comes too (--sandbox embedded leaves it out).")
        engine = DockerEngine(config.sandbox.docker_host)
        print(build_image(engine, asked.name, config.sandbox.base, Source(asked.wheels, asked.network), print))


def _retyped(asked: argparse.Namespace) -> str:
    """Return what was typed to name the task, quoted for a shell."""
    given = [("", asked.what), ("--env ", asked.env), ("--state ", asked.state), ("--fitness ", asked.fitness)]
    given += [("--order ", factor) for factor in asked.order or ()]
    return " ".join(flag + shlex.quote(value) for flag, value in given if value)
