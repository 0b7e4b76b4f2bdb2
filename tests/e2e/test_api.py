"""The Python API does what the command line does, and costs nothing until it is used."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import designer
from designer import Config, DesignerError, Task, open_run, run
from designer.config import load, to_toml
from designer.errors import ConfigError, InputError, TaskError
from tests.e2e.command import ROOT, environment, only_run, stand_in
from tests.e2e.command import designer as command

SMALL = {
    "training.steps": 4096, "search.rounds": 1, "search.population": 2, "search.final_seeds": 2, "evaluation.episodes": 2,
    "evaluation.checkpoints": 2, "clips": False, "cached_baselines": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def worker(tmp_path_factory) -> str:
    return stand_in(tmp_path_factory.mktemp("worker"))[1]


def test_the_api_and_the_command_come_to_the_same_end(tmp_path, worker):
    ours = run("half_cheetah_backward", settings={**SMALL, "worker.python": worker}, runs=tmp_path / "api", quiet=True)
    flags = [text for name, value in SMALL.items() for text in (f"--{name.replace('_', '-')}", str(value).lower())]
    ended = command("run", "half_cheetah_backward", *flags, "--worker.python", worker, cwd=tmp_path)
    assert ended.code == 0, ended.err
    theirs = open_run(only_run(tmp_path / "runs"))
    assert ours.finished
    assert ours.winner == theirs.winner
    assert ours.final_scores("sparse") == theirs.final_scores("sparse")
    assert ours.verdict[0] == theirs.verdict[0]
    assert all(sentence in ended.out for sentence in theirs.verdict)
    assert ours.report is not None
    assert ours.policy is not None
    assert [candidate.id for candidate in ours.candidates] == ["g01c00", "g01c01"]
    assert len(ours.trials("human")) == 3


def test_a_task_in_python_is_a_task_file_and_a_run_can_be_gone_on_with(tmp_path, worker, capsys):
    (tmp_path / "judges.py").write_text("def fast(t):\n    return t.torso_velocity[..., 0].mean(-1)\n")
    task = Task(name="Mine", text="Run.", world="HalfCheetah-v5", fitness="judges.py:fast", folder=tmp_path, steps=8192)
    settings = {**SMALL, "training.steps": None, "worker.python": worker}
    made = run(task, settings=settings, runs=tmp_path / "runs")
    assert "run folder:" in capsys.readouterr().out
    assert made.run.task.steps == 8192
    assert "mine" in made.folder.name
    (made.folder / "report.html").unlink()
    again = run(made.folder, quiet=True)
    assert capsys.readouterr().out == ""
    assert again.winner == made.winner
    assert again.report is not None
    with pytest.raises(ConfigError, match="keeps the settings"):
        run(made.folder, settings={"search.rounds": 2})


def test_a_whole_config_is_taken_as_it_is(tmp_path, worker):
    config = load(None, {name: str(value).lower() for name, value in SMALL.items()} | {"worker.python": worker})
    made = run("half_cheetah_backward", settings=config, runs=tmp_path, quiet=True)
    assert made.run.config.search == config.search
    with pytest.raises(InputError, match="leave config_file out"):
        run("half_cheetah_backward", settings=config, config_file=tmp_path / "c.toml", quiet=True)


def test_what_is_wrong_raises_the_same_sentence_as_on_the_command_line(tmp_path):
    with pytest.raises(DesignerError, match="is not a setting"):
        run("half_cheetah_backward", settings={"search.round": 3}, quiet=True)
    with pytest.raises(TaskError, match="Did you mean"):
        run("half_cheetah_backwards", quiet=True)
    with pytest.raises(InputError, match="needs a world"):
        run(Task(text="Run.", fitness="mean(torso_velocity[x])"), quiet=True)
    with pytest.raises(InputError, match="is not a run folder"):
        open_run(tmp_path)


def test_importing_designer_brings_in_nothing_else():
    code = "import sys, designer; print([name for name in ('pydantic', 'rich', 'openai') if name in sys.modules])"
    code += "; print(designer.__version__, sorted(set(dir(designer)) - set(designer.__all__)))"
    ended = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == ["[]", f"{designer.__version__} []"]


def test_every_public_name_is_there_and_no_other():
    assert all(getattr(designer, name) is not None for name in designer.__all__)
    assert designer.Config is Config
    modules = {path.stem for path in (ROOT / "designer").iterdir()}
    assert not modules & set(designer.__all__), "a module that is imported would take the name's place"
    with pytest.raises(AttributeError, match="has no attribute 'rnu'"):
        _ = designer.rnu


def test_the_types_are_seen_from_outside():
    """`py.typed` has type checkers read our annotations; mypy holds the whole package to them (scripts/test.sh)."""
    assert (ROOT / "designer" / "py.typed").is_file()
    for name in ("run", "describe", "check_reward", "open_run"):
        signature = inspect.signature(getattr(designer, name))
        assert signature.return_annotation is not inspect.Signature.empty
        assert all(parameter.annotation is not inspect.Parameter.empty for parameter in signature.parameters.values())


def test_config_as_printed_is_a_config_file(tmp_path):
    printed = command("config", "--search.rounds", "7", "--search.until", "07:30", cwd=tmp_path)
    (tmp_path / "my.toml").write_text(printed.out)
    again = command("config", "--config", "my.toml", cwd=tmp_path)
    assert (again.code, again.out) == (0, printed.out)
    assert to_toml(load(tmp_path / "my.toml", {})) == printed.out
