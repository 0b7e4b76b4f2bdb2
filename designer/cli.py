"""The command line: what may be typed. What the commands do is in `commands.py`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, TypeAlias

from rich.text import Text

from designer import __version__
from designer import terminal as own_terminal
from designer.config import Config, knobs
from designer.errors import ConfigError, DesignerError, InterruptedRunError, did_you_mean
from designer.sandboxes import UNSAFE_FLAG
from designer.stopping import endings_heard, exit_code, number_of
from designer.stopping import told as stopped_by
from designer.text import printable

MAX_ERROR = 20_000

EXIT_OK, EXIT_ERROR = 0, 2
RUNS = Path("runs")
Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
OTHER_FLAGS = (
    "by",
    "budget",
    "config",
    "env",
    "feedback",
    "fitness",
    "help",
    "host",
    "i-know-this-is-unsafe",
    "network",
    "notify",
    "order",
    "port",
    "prompt",
    "retrain",
    "runs",
    "of",
    "sandbox",
    "state",
    "task",
    "to",
    "unapproved",
    "until",
    "wheels",
)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit: 0 where it did its work, 2 with one or two sentences where it could not, 128 and the signal's
    number where it was stopped by one (130 after Ctrl-C).
    """
    code, words = EXIT_OK, ""
    try:
        with endings_heard():
            asked = parse(sys.argv[1:] if arguments is None else arguments)
            asked.command(asked)
    except DesignerError as error:
        number = error.signal if isinstance(error, InterruptedRunError) else 0
        code, words = exit_code(number) if number else EXIT_ERROR, f"designer: {error}"
    except KeyboardInterrupt as stop:
        code, words = exit_code(number_of(stop)), f"designer: stopped{stopped_by(number_of(stop))}."
    except BrokenPipeError:
        code = EXIT_ERROR
    with suppress(OSError):  # the reader of `designer show | head` is gone, or the terminal is
        if words:
            own_terminal.console(stderr=True).print(Text(printable(words, MAX_ERROR)), soft_wrap=True)
        sys.stdout.flush()
    # Threads that still wait for a model or a person must not keep the process alive.
    os._exit(code)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line. `settings` holds the knobs that were given as flags: dotted name -> text."""
    parser = build_parser()
    asked, unknown = parser.parse_known_args(_joined([_dashed(argument) for argument in arguments]))
    if unknown:
        _refuse(unknown[0])
    if not hasattr(asked, "command"):
        parser.print_help()
        raise SystemExit(EXIT_ERROR)
    given = vars(asked)
    asked.settings = {knob.name: given[knob.name] for knob in knobs(Config()) if given.get(knob.name) is not None}
    return asked


def _refuse(flag: str) -> NoReturn:
    if not flag.startswith("-"):
        raise ConfigError(f"{flag!r} is one word too many. Put a sentence in quotes; `designer --help` shows the commands.")
    name = flag.lstrip("-").partition("=")[0]
    known = [*(knob.name.replace("_", "-") for knob in knobs(Config())), *OTHER_FLAGS]
    raise ConfigError(f"--{name} is not a setting here.{did_you_mean(name, known)} `designer config` lists all.")


def _dashed(argument: str) -> str:
    """Read --llm.base_url as --llm.base-url."""
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value if name.startswith("--") else argument


def _joined(arguments: Sequence[str]) -> list[str]:
    """Read --fitness "-mean(x)" as --fitness=-mean(x): argparse takes what begins with a dash for a flag."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] == "--fitness" and argument.startswith("-") and not argument.startswith("--"):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def build_parser() -> argparse.ArgumentParser:
    """Describe all commands."""
    parser = argparse.ArgumentParser(prog="designer", description="From a sentence to a judged reward.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"designer {__version__}")
    verbs = parser.add_subparsers(metavar="COMMAND", title="commands")
    _add_runs(verbs)
    _add_revisions(verbs)
    _add_looks(verbs)
    _add_words(verbs)
    _add_library(verbs)
    _add_desk(verbs)
    _add_machine(verbs)
    return parser


def _add_runs(verbs: Verbs) -> None:
    """Describe what trains."""
    from designer import commands, replaying, search_replay

    run = _command(verbs, "run", commands.run, "design a reward, or go on with a run folder")
    run.add_argument("what", help='a task\'s name, a task file, a run folder, or a sentence such as "run backward"')
    _add_task(run)
    _add_settings(run)
    _add_consent(run)
    run.add_argument(
        "--budget", dest="search.budget", help="10m, 2h, overnight, '45 trainings' or $3; the same as --search.budget"
    )
    run.add_argument("--until", dest="search.until", help="a time of day such as 07:30; the same as --search.until")
    run.add_argument("--notify", metavar="CMD", help="a command that is handed the verdict at the end ($DESIGNER_NOTIFY)")
    run.add_argument("--dry-run", action="store_true", help="print the script that Slurm would be given, and stop")
    run.add_argument("--feedback", dest="feedback.source", help="fitness or ranking; the same as --feedback.source")
    baseline = _command(
        verbs, "baseline", commands.baseline, "measure random play, the human-written reward and the fitness as reward"
    )
    baseline.add_argument("what", help="a task's name or a task file")
    _add_task(baseline)
    _add_settings(baseline)
    _add_consent(baseline)
    plan = _command(verbs, "plan", commands.plan, "say how long a run will take, from a few seconds of training")
    plan.add_argument("what", help="as for run")
    _add_task(plan)
    _add_settings(plan)
    _add_consent(plan)
    replay = _command(verbs, "replay", replaying.replay, "play a stored run again, without a key")
    replay.add_argument("run", type=Path, help="the run folder whose replies and results are played")
    replay.add_argument("--retrain", action="store_true", help="play the replies only and train anew")
    _add_consent(replay)
    replay.add_argument("--runs", type=Path, default=RUNS, help="where to make the new run")
    _add_settings(replay)
    rules = _command(
        verbs, "replay-search", search_replay.replay_search, "play search rules over a stored run, training nothing"
    )
    rules.add_argument("run", type=Path, help="the run folder whose candidates are the pool")
    rules.add_argument("rules", nargs="*", help="search rules; none: all that are built in")
    rules.add_argument("--orders", type=int, default=100, help="how many orders of the pool are played")


def _add_revisions(verbs: Verbs) -> None:
    """Describe what is done with a reward of a finished run."""
    from designer import comparing, exporting, revising

    for name, command, text in (
        ("simplify", revising.simplify, "drop terms of a reward while its fitness holds"),
        ("tune", revising.tune, "change the numbers of a reward, nothing else, and keep what is best"),
        ("ablate", revising.ablate, "say what each term, the language model or the critic bought"),
    ):
        verb = _command(verbs, name, command, text)
        verb.add_argument("run", type=Path, help="a run folder")
        verb.add_argument("candidate", nargs="?", help="a candidate of it; not given: its winner")
        verb.add_argument("--runs", type=Path, default=RUNS, help="where to make the new run")
        if name == "ablate":
            verb.add_argument("--of", choices=["terms", "model", "critic"], default="terms", help="what is left out")
        _add_settings(verb)
        _add_consent(verb)
    compare = _command(
        verbs, "compare", comparing.compare_rewards, "say how far apart two rewards are, and where they disagree"
    )
    compare.add_argument("run", type=Path, help="the run folder whose world and candidates they are")
    compare.add_argument("first", help="a candidate of the run, or a file")
    compare.add_argument("second", help="another one")
    _add_consent(compare)
    export = _command(
        verbs, "export", exporting.export, "write reward, environment, policy, test and card into a folder of their own"
    )
    export.add_argument("run", type=Path, help="a run folder")
    export.add_argument("candidate", nargs="?", help="a candidate of it; not given: its winner")
    export.add_argument("--unapproved", action="store_true", help="export it although nobody approved it; its card says so")
    export.add_argument("--to", type=Path, help="the folder to make (default: export/ in the run)")


def _add_looks(verbs: Verbs) -> None:
    """Describe what only looks."""
    from designer import commands

    show = _command(verbs, "show", commands.show, "list the runs, or show one of them, or one candidate of it")
    show.add_argument("run", nargs="?", type=Path, help="a run folder")
    show.add_argument("candidate", nargs="?", help="a candidate such as g01c03")
    show.add_argument("--prompt", action="store_true", help="also what the model was asked and what it answered")
    show.add_argument("--runs", type=Path, default=RUNS, help="where the runs are")
    report = _command(verbs, "report", commands.report, "write a run's report.html anew")
    report.add_argument("run", type=Path, help="a run folder")
    check = _command(verbs, "check", commands.check_file, "check a reward file: without running it, then on real states")
    check.add_argument("file", type=Path, help="a Python file that defines reward(s, a)")
    check.add_argument("--task", help="the task or task file whose world it is for")
    check.add_argument("--env", help="or a world, as for run")
    _add_state(check)
    _add_settings(check)
    _add_consent(check)
    described = _command(verbs, "describe", commands.describe_world, "print a world's state table as a model sees it")
    described.add_argument("world", help="as for run's --env")
    _add_state(described)
    _add_settings(described)
    _add_consent(described)


def _add_words(verbs: Verbs) -> None:
    """Describe what people tell a run."""
    from designer import speaking

    say = _command(verbs, "say", speaking.say, "tell a run something; it enters the next round's prompts")
    say.add_argument("run", type=Path, help="a run folder that goes on")
    say.add_argument("text", help='such as "it drags its hind leg"')
    add = _command(verbs, "add", speaking.add, "hand a run a reward of your own, as a candidate of the next round")
    add.add_argument("run", type=Path, help="a run folder that goes on")
    add.add_argument("file", type=Path, help="a Python file that defines reward(s, a)")


def _add_library(verbs: Verbs) -> None:
    """Describe what is remembered across runs."""
    from designer import remembering

    library = _command(
        verbs, "library", remembering.library_command, "list, add or forget rewards that later runs may be shown"
    )
    library.add_argument("verb", nargs="?", choices=["list", "add", "remove"], default="list")
    library.add_argument("what", nargs="?", help="add: a run folder; remove: a name from the list")
    library.add_argument("candidate", nargs="?", help="add: a finalist of the run; not given: its winner")


def _add_desk(verbs: Verbs) -> None:
    """Describe where people look, compare, rank and approve."""
    from designer import speaking
    from designer.desk import serve, terminal

    review = _command(verbs, "review", serve.review, "open the review desk: look at runs, compare, rank, say, approve")
    review.add_argument("runs", nargs="?", type=Path, default=RUNS, help="the folder with the runs, or one run (default: runs)")
    clips = _command(verbs, "clips", speaking.clips, "film candidates of a run that have no clip yet")
    clips.add_argument("run", type=Path, help="a run folder")
    clips.add_argument("candidates", nargs="*", help="such as g01c03; none: all that were trained")
    rank = _command(verbs, "rank", terminal.rank, "rank a run's candidates by their clips, on this terminal")
    rank.add_argument("run", type=Path, help="a run folder")
    rank.add_argument("--by", help="your name; not given: the account's")
    for verb, does, text in (
        ("approve", speaking.approve, "approve a candidate, so that it may be exported"),
        ("reject", speaking.reject, "reject a candidate with a reason, which enters the next prompts"),
    ):
        word = _command(verbs, verb, does, text)
        word.add_argument("run", type=Path, help="a run folder")
        word.add_argument("candidate", help="such as g01c03")
        word.add_argument("text", nargs="?" if verb == "approve" else None, default="", help="a remark, or the reason")
        word.add_argument("--by", help="your name; not given: the account's")
    review.add_argument("--host", default="127.0.0.1", help="where to listen; beyond loopback the address holds a token")
    review.add_argument("--port", type=int, help="not given: the first free one from 8642 on; 0: any")


def _add_machine(verbs: Verbs) -> None:
    """Describe what is about the machine and the settings."""
    from designer import commands

    doctor = _command(verbs, "doctor", commands.doctor, "look whether everything is there")
    doctor.add_argument(
        "--sandbox", metavar="NAME", help="examine a sandbox instead: embedded, docker, none, or a third party's module:name"
    )
    _add_settings(doctor)
    config = _command(verbs, "config", commands.show_config, "print every setting with its meaning, as TOML")
    _add_settings(config)
    image = _command(verbs, "image", commands.image, "make what boxes run: a worker environment, and its image")
    image.add_argument("verb", choices=["build"])
    image.add_argument("name", help="such as native")
    image.add_argument(
        "--sandbox",
        choices=["embedded", "docker"],
        help="for one sandbox only; not given: both where a container engine answers",
    )
    image.add_argument("--wheels", type=Path, help="docker: a folder that holds all wheels, for a build without an index")
    image.add_argument("--network", help="docker: the network of the build's containers, such as host")
    _add_settings(image)


def _command(verbs: Verbs, name: str, command: object, text: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False)
    parser.set_defaults(command=command)
    return parser


def _add_task(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--env",
        help="the world, for a sentence: a gymnasium id, module:Id, file.py:function, a folder with a world.py, a native name",
    )
    _add_state(parser)
    parser.add_argument("--fitness", help='how an episode is judged: "mean(-torso_velocity[x])" or file.py:function')
    parser.add_argument(
        "--order",
        action="append",
        metavar="FACTOR",
        help='what matters, the most important first, each with its own --order: "effort: -norm(action) within 0.3"',
    )
    parser.add_argument("--runs", type=Path, default=RUNS, help="where run folders are made (default: runs)")


def _add_state(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", help="a TOML file that says what the entries of the world's observation mean")


def _add_consent(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        UNSAFE_FLAG, dest="unsafe", action="store_true", help="goes with --sandbox.provider none, and only there"
    )


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, dest="config_file", help="a TOML file with settings")
    group = parser.add_argument_group("settings", "each may also stand in the TOML file")
    for knob in knobs(Config()):
        flag = f"--{knob.name.replace('_', '-')}"
        default = "not set" if knob.default is None else knob.default
        text = f"{knob.field.description} ({default})".replace("%", "%%")
        group.add_argument(flag, dest=knob.name, metavar="X", help=text)


if __name__ == "__main__":
    main()
