"""Settings: one default each, unknown names refused with the closest one, what is saved is what is loaded."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from designer.config import Config, knobs, load, to_toml
from designer.errors import ConfigError

OTHER = {
    "search.screen": "false",
    "feedback.source": "ranking",
    "feedback.rater": "simulated",
    "feedback.ordered_reward": "false",
    "feedback.answers": "7",
    "feedback.shown": "3",
    "feedback.wait_s": "60.5",
    "feedback.error": "0.25",
    "search.rule": "my.module:Rule", "search.budget": "2h", "search.cut": "0.75", "search.confirm": "1",
    "search.confirm_seeds": "3", "search.target": "-1.5", "search.rounds": "4", "search.population": "7",
    "search.fresh": "0.25", "search.finalists": "1",
    "search.final_seeds": "4", "search.seed": "12", "training.steps": "4096", "training.num_envs": "8",
    "training.gamma": "0.97", "evaluation.episodes": "3", "evaluation.checkpoints": "2",
    "training.trainer": "sb3", "training.share_box": "true",
    "training.horizon": "16", "training.epochs": "3", "training.minibatches": "2", "training.learning_rate": "0.001",
    "training.entropy": "0.01", "training.spread": "0.25",
    "fading.reward": "0.7", "fading.goal": "2.0", "fading.clock": "false", "fading.discount": "ads",
    "fading.first_discount": "0.8", "fading.discount_share": "0.4",
    "help.carry": "0.5", "help.grace": "10", "help.starts": "0.5", "help.tolerance": "0.5",
    "variants.rule": "ucb", "variants.among": "a, b", "variants.own": "0.5", "variants.memory": "true",
    "curriculum.form": "both", "curriculum.input": "language", "curriculum.bonus": "0.5", "curriculum.gates": "false",
    "evaluation.checkpoint_episodes": "1", "llm.provider": "manual", "llm.model": 'a "quoted" \\ model\nname\x7f',
    "llm.base_url": "http://localhost:8000/v1", "llm.timeout_s": "1e-05", "llm.repairs": "2", "llm.max_calls": "5",
    "llm.patience_s": "60.5", "llm.parallel": "3", "llm.max_tokens": "70", "llm.max_cost": "0.25", "llm.critic": "2",
    "llm.prices": "my prices.toml", "llm.script": "replies", "llm.analyst": "false", "llm.frames": "6",
    "prompt.source": "true", "prompt.digest": "false",
    "llm.replay": 'runs/with "quotes" and \\ and é', "executor.slots": "3", "executor.memory_gb": "2.5",
    "executor.cpu_s_per_1k_steps": "0.1", "worker.environment": "other", "worker.python": "/a b/python",
    "sandbox.provider": "docker", "sandbox.docker_host": "unix:///tmp/a socket", "sandbox.image": "mine:1",
    "sandbox.base": "debian:12", "sandbox.runtime": "runsc", "sandbox.gpu": "true",
    "search.until": "07:30", "library.examples": "2", "executor.shared": "false",
    "executor.backend": "ray", "executor.gpus_per_job": "0.25", "executor.restarts": "5", "executor.address": "10.0.0.5:6379",
    "executor.sbatch": "partition=gpu account=lab", "executor.posts": "/shared/a b", "executor.node_python": "apptainer exec x",
    "disk.reserve_gb": "1.5", "disk.prune": "false",
    "clips": "false",
    "track": "tensorboard,wandb",
    "cached_baselines": "false",
}  # fmt: skip


def file(folder: Path, text: str) -> Path:
    path = folder / "my.toml"
    path.write_text(text)
    return path


def test_defaults_need_nothing():
    assert load(None, {}) == Config()


def test_flag_outweighs_the_file_and_the_file_the_default(tmp_path):
    loaded = load(file(tmp_path, "[search]\nrounds = 5\npopulation = 6"), {"search.rounds": "7"})
    assert (loaded.search.rounds, loaded.search.population, loaded.search.seed) == (7, 6, 0)


def test_example_covers_every_setting():
    assert set(OTHER) == {knob.name for knob in knobs(Config())}


@pytest.mark.parametrize("name", sorted(OTHER))
def test_every_setting_survives_the_file(tmp_path, name):
    given = load(None, {name: OTHER[name]})
    assert given != Config(), "the example must differ from the default"
    assert load(file(tmp_path, to_toml(given)), {}) == given


def test_all_settings_together_survive_the_file(tmp_path):
    given = load(None, OTHER)
    assert load(file(tmp_path, to_toml(given)), {}) == given
    assert load(file(tmp_path, to_toml(Config())), {}) == Config()


def test_saved_config_explains_every_setting():
    text = to_toml(Config())
    tomllib.loads(text)
    for knob in knobs(Config()):
        assert knob.field.description
        assert knob.field.description in text


@pytest.mark.parametrize(
    ("text", "name", "closest"),
    [
        ("[search]\nround = 1", "search.round", "search.rounds"),
        ("[serch]\nrounds = 1", "serch", "search"),
        ("clip = true", "clip", "clips"),
        ("search = 3", "search", "search"),
        ("[search.rounds]\nx = 1", "search.rounds", "search.rounds"),
    ],
)
def test_unknown_key_in_a_file_gets_the_closest_name(tmp_path, text, name, closest):
    with pytest.raises(ConfigError, match=f"{name}\\b") as raised:
        load(file(tmp_path, text), {})
    assert closest in str(raised.value)
    assert "my.toml" in str(raised.value)


def test_unknown_flag_gets_the_closest_name():
    with pytest.raises(ConfigError, match=r"--search\.round is not a setting\. Did you mean search\.rounds\?"):
        load(None, {"search.round": "1"})


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"search.rounds": "many"}, r"search\.rounds = 'many'"),
        ({"search.rounds": "-1"}, r"search\.rounds = '-1'"),
        ({"training.gamma": "1"}, r"training\.gamma = '1'"),
        ({"training.gamma": "nan"}, r"training\.gamma = 'nan'"),
        ({"executor.memory_gb": "inf"}, r"executor\.memory_gb = 'inf'"),
        ({"executor.gpus_per_job": "1.5"}, r"executor\.gpus_per_job = '1.5'.*whole number"),
        ({"executor.backend": "k8s"}, r"executor\.backend = 'k8s'"),
        ({"llm.provider": "opnai"}, r"llm\.provider = 'opnai'.*'openai'"),
        ({"clips": "perhaps"}, "clips = 'perhaps'"),
    ],
)
def test_impossible_value_is_named_with_what_was_typed(flags, said):
    with pytest.raises(ConfigError, match=said):
        load(None, flags)


def test_file_that_is_no_toml_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"my\.toml is not TOML"):
        load(file(tmp_path, "[search\n"), {})
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"bytes\.toml is not TOML"):
        load(tmp_path / "bytes.toml", {})
    with pytest.raises(ConfigError, match=r"none\.toml can't be read"):
        load(tmp_path / "none.toml", {})


def test_model_implies_the_provider(tmp_path):
    assert load(None, {"llm.model": "m"}).llm.provider == "openai"
    assert load(file(tmp_path, '[llm]\nmodel = "m"'), {}).llm.provider == "openai"


def test_provider_that_is_named_stays(tmp_path):
    assert load(None, {"llm.model": "m", "llm.provider": "composer"}).llm.provider == "composer"
    assert load(file(tmp_path, '[llm]\nmodel = "m"\nprovider = "manual"'), {}).llm.provider == "manual"
    assert load(tmp_path / "my.toml", {"llm.model": "other"}).llm.provider == "manual"


def test_model_as_a_flag_outweighs_the_composer_in_a_file(tmp_path):
    saved = file(tmp_path, to_toml(Config()))
    assert load(saved, {"llm.model": "m"}).llm.provider == "openai"


def test_run_that_kept_the_composer_beside_a_model_keeps_it(tmp_path):
    kept = load(None, {"llm.model": "m", "llm.provider": "composer"})
    assert load(file(tmp_path, to_toml(kept)), {}) == kept


def test_budget_sets_the_sizes_that_nothing_else_sets(tmp_path):
    small = load(file(tmp_path, "[search]\nfinal_seeds = 9"), {"search.budget": "10m", "search.rounds": "4"}).search
    assert (small.population, small.rounds, small.finalists, small.final_seeds) == (5, 4, 2, 9)
    assert load(None, {"search.budget": "2h"}).search.population == 16
    assert load(file(tmp_path, to_toml(load(None, {"search.budget": "2h"}))), {}) == load(None, {"search.budget": "2h"})


def test_budget_that_is_none_is_refused():
    with pytest.raises(ConfigError, match=r"search\.budget: 'soon' is no budget"):
        load(None, {"search.budget": "soon"})


@pytest.mark.parametrize(
    "address", ["http://me:s3cret@host/v1", "https://s3cret@host", "me:s3cret@host", "http://host/v1?k=s3cret"]
)
@pytest.mark.parametrize("where", ["a flag", "a file"])
def test_address_with_a_secret_is_refused_and_not_quoted(address, where, tmp_path):
    in_a_file = file(tmp_path, f'llm.base_url = "{address}"') if where == "a file" else None
    with pytest.raises(ConfigError, match="OPENAI_BASE_URL") as error:
        load(in_a_file, {} if in_a_file else {"llm.base_url": address})
    assert "s3cret" not in str(error.value)
