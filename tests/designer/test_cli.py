"""The command line: what may be typed, and how a wrong word is met."""

from __future__ import annotations

import argparse
import io

import pytest
from rich.console import Console

from designer.cli import parse
from designer.commands import prepare
from designer.config import Config, knobs, load
from designer.errors import ConfigError


def test_settings_are_those_that_were_typed():
    asked = parse(["run", "half_cheetah_backward", "--search.rounds", "3", "--llm.base-url=http://x/v1"])
    assert asked.what == "half_cheetah_backward"
    assert asked.settings == {"search.rounds": "3", "llm.base_url": "http://x/v1"}


@pytest.mark.parametrize("name", [knob.name for knob in knobs(Config())])
def test_every_setting_is_a_flag_with_dashes_or_underscores(name):
    for flag in (f"--{name}", f"--{name.replace('_', '-')}"):
        assert parse(["run", "x", flag, "1"]).settings == {name: "1"}


def test_underscores_in_a_value_stay():
    asked = parse(["run", "x", "--fitness=mean(torso_velocity[x])", "--llm.model", "my_model"])
    assert asked.fitness == "mean(torso_velocity[x])"
    assert asked.settings == {"llm.model": "my_model"}


@pytest.mark.parametrize(
    ("typed", "closest"),
    [
        (["run", "x", "--search.round", "3"], "search.rounds"),
        (["run", "x", "--serach.rounds=3"], "search.rounds"),
        (["run", "x", "--evn", "HalfCheetah-v5"], "env"),
        (["run", "x", "--fitnes", "1"], "fitness"),
        (["show", "--prompts"], "prompt"),
        (["replay", "r", "--re-train"], "retrain"),
    ],
)
def test_unknown_flag_gets_the_closest_one(typed, closest):
    with pytest.raises(ConfigError, match="is not a setting here") as raised:
        parse(typed)
    assert f"Did you mean {closest}?" in str(raised.value)


def test_a_fitness_may_begin_with_a_minus():
    assert parse(["run", "stop", "--env", "hopper", "--fitness", "-mean(torso_pitch)"]).fitness == "-mean(torso_pitch)"


def test_sentence_without_quotes_is_explained():
    with pytest.raises(ConfigError, match="Put a sentence in quotes"):
        parse(["run", "make", "it", "jump"])


@pytest.mark.parametrize("typed", [[], ["walk"], ["run"], ["run", "x", "--search.rounds"], ["image", "make", "native"]])
def test_incomplete_command_exits_with_two(typed, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(typed)
    assert ended.value.code == 2
    assert "usage" in "".join(capsys.readouterr())


@pytest.mark.parametrize("verb", ["run", "show", "report", "check", "baseline", "plan", "replay", "doctor", "config", "image"])
def test_every_command_has_its_help(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        parse([verb, "--help"])
    assert ended.value.code == 0
    assert len(capsys.readouterr().out) > 100


def test_help_shows_every_setting_with_its_default(capsys):
    with pytest.raises(SystemExit):
        parse(["run", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for knob in knobs(Config()):
        assert f"--{knob.name.replace('_', '-')}" in shown


@pytest.mark.parametrize("setting", [{"search.rule": "best-of-n"}, {"track": "tensorbord"}])
def test_name_that_can_not_be_had_is_told_before_a_run_is_made(tmp_path, setting):
    """And before the world is measured: that takes a while, and here it would fail for want of a worker."""
    asked = argparse.Namespace(what="inverted_pendulum_centre", env="", fitness="", order=[], state="", unsafe=False)
    config = load(None, {**setting, "worker.python": str(tmp_path / "no-python")})
    with pytest.raises(ConfigError, match="Did you mean"):
        prepare(asked, config, Console(file=io.StringIO()))
