"""Every knob: one default each, in one place. From a TOML file and flags; unknown names are refused with the closest one.

A field's description is what `designer config` and `designer run --help` show. A run saves its resolved config and keeps it.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic.fields import FieldInfo

from designer.addresses import has_secret
from designer.aid_settings import CurriculumConfig, FadingConfig, HelpConfig, SolvedAsked, VariantsConfig
from designer.budget import Size, parse_budget, with_budget
from designer.errors import ConfigError, did_you_mean
from designer.machine_settings import DiskConfig, ExecutorConfig, SandboxConfig, Section, WorkerConfig
from designer.times import next_occurrence


class SearchConfig(Section):
    rule: str = Field(
        "halving", description="what is tried next: halving, greedy, best_of_n, bandit, islands, tree, icpl, or module:Attr"
    )
    budget: str | None = Field(
        None, description="10m, 2h, overnight, '45 trainings' or $3: sets the sizes below that you don't, and is kept"
    )
    until: str | None = Field(
        None,
        description="a time of day such as 07:30, the next one: the finals are over by then, and the search gets what is left",
    )
    rounds: int = Field(3, ge=0, description="rounds of proposals; 0 trains the baselines only")
    population: int = Field(8, ge=1, le=10_000, description="candidates a round")
    fresh: float = Field(
        0.5, ge=0, le=1, description="share of the second round that is written anew, not from parents; it adapts later"
    )
    cut: float = Field(
        0.5, gt=0, le=1, description="share of the training at which the worse half of a round stops; 1: all train to the end"
    )
    confirm: int = Field(2, ge=0, description="how many of a round's best are trained on more seeds")
    confirm_seeds: int = Field(2, ge=1, le=99, description="how many more seeds that is")
    screen: bool = Field(
        True,
        description="before training: leave out a reward that repeats an earlier one, or pays known bad episodes more than "
        "good ones (greedy and best_of_n stay as published)",
    )
    target: float | None = Field(None, description="stop searching once the best candidate's lower bound reaches this fitness")
    finalists: int = Field(3, ge=1, description="how many of the best are trained again on seeds never used before")
    final_seeds: int = Field(5, ge=1, description="training seeds of each finalist and baseline")
    seed: int = Field(0, ge=0, description="the run's seed; training and evaluation seeds are derived from it")

    @field_validator("until")
    @classmethod
    def _is_a_time(cls, text: str | None) -> str | None:
        if text is not None:
            try:
                next_occurrence(text, datetime.now().astimezone())
            except ValueError:
                raise ConfigError(f"search.until = {text!r} is no time. Say 07:30, or 2026-11-30T07:30.") from None
        return text

    @property
    def size(self) -> Size:
        return Size(*(getattr(self, name) for name in Size._fields))


class TrainingConfig(Section):
    steps: int | None = Field(None, ge=1, description="environment steps of one training; not set: the task's")
    num_envs: int = Field(64, ge=1, le=4096, description="parallel worlds for one policy")
    gamma: float = Field(0.99, gt=0, lt=1, description="discount")
    share_box: bool = Field(
        False,
        description="train a round's candidates stacked, in as few boxes as there are slots: faster, but they can spoil each "
        "other's training; finalists and baselines are trained alone",
    )
    horizon: int | None = Field(
        None, ge=2, le=4096, description="steps of each world between two updates; not set: the trainer's"
    )
    epochs: int | None = Field(None, ge=1, le=100, description="times that an update goes over them; not set: the trainer's")
    minibatches: int | None = Field(None, ge=1, le=1024, description="gradient steps an epoch; not set: the trainer's")
    learning_rate: float | None = Field(None, gt=0, le=1, description="how far one goes at first; not set: the trainer's")
    entropy: float | None = Field(None, ge=0, le=1, description="what keeping actions random is worth; not set: the trainer's")
    spread: float | None = Field(
        None, gt=0, le=2, description="standard deviation of the first actions, of half their range; not set: the trainer's"
    )
    trainer: Literal["ppo", "sb3"] = Field(
        "ppo", description="who trains: ppo (designer's own, all seeds of a reward at once) or sb3 (Stable-Baselines3's PPO)"
    )

    @property
    def trainer_name(self) -> str:
        """What a person is told of the trainer."""
        names = {"ppo": "ppo (designer's own, seeds stacked)", "sb3": "sb3 (PPO of Stable-Baselines3, tuned)"}
        return names[self.trainer] + ("; a round's candidates share a box (training.share_box)" if self.share_box else "")

    @property
    def for_the_trainer(self) -> dict[str, float]:
        """The settings as `ppo.Settings` in the worker calls them; what is not set is left to the trainer."""
        said = {
            "num_envs": self.num_envs,
            "gamma": self.gamma,
            "horizon": self.horizon,
            "epochs": self.epochs,
            "minibatches": self.minibatches,
            "learning_rate": self.learning_rate,
            "entropy_weight": self.entropy,
            "choice_entropy_weight": self.entropy,
            "initial_log_std": self.spread and math.log(self.spread),
        }
        return {name: value for name, value in said.items() if value is not None}


class EvaluationConfig(Section):
    episodes: int = Field(20, ge=1, description="episodes that judge a trained policy")
    checkpoints: int = Field(5, ge=1, le=20, description="points of the fitness curve, evenly spaced over the training")
    checkpoint_episodes: int = Field(
        4, ge=1, description="episodes for every point of that curve but the last, shared by seeds that are trained together"
    )


class FeedbackConfig(Section):
    source: Literal["fitness", "ranking"] = Field(
        "fitness",
        description="what steers: the fitness, or raters' rankings too (alone under icpl, else for ties)",
    )
    rater: Literal["human", "model", "heron", "simulated"] = Field(
        "human",
        description="who ranks: people (desk, `designer rank`), the language model too, the task's order of factors too "
        "(heron), or a played one that knows the fitness",
    )
    answers: int = Field(
        5,
        ge=0,
        le=200,
        description="answers before each round, by a model or a simulated rater, or comparisons waited for; heron gives more",
    )
    shown: int = Field(
        4, ge=2, le=6, description="how many candidates a simulated rater is shown in one question and puts in order"
    )
    wait_s: float = Field(0, ge=0, description="how long a round waits for so many comparisons by people; 0: not at all")
    error: float = Field(
        0.0, ge=0, le=1, description="how often a comparison of a simulated rater comes out the wrong way round"
    )
    ordered_reward: bool = Field(
        True,
        description="from the second round on the first reward written anew is trained on comparisons by the task's order of "
        "factors, where it has one (HERON)",
    )


class LlmConfig(Section):
    provider: Literal["composer", "openai", "litellm", "manual", "replay", "scripted"] = Field(
        "composer", description="who proposes: the built-in composer (no language model), or a model through a provider"
    )
    model: str | None = Field(None, description="the model's name at the endpoint; setting it implies provider openai")
    base_url: str | None = Field(None, description="an OpenAI-compatible endpoint; not set: OPENAI_BASE_URL or OpenAI's")
    timeout_s: float = Field(180, gt=0, description="longest time for one attempt at an answer")
    patience_s: float = Field(
        6 * 3600,
        gt=0,
        description="longest time for one answer, pauses included; what is there is trained meanwhile",
    )
    parallel: int = Field(8, ge=1, le=64, description="model calls at once")
    repairs: int = Field(1, ge=0, le=3, description="how often a refused reward is sent back with its faults")
    critic: int = Field(1, ge=0, le=2, description="how often a critic may send a sound reward back before it is trained")
    analyst: bool = Field(True, description="have a model read the failing episodes; what the numbers confirm is told")
    frames: int = Field(
        0, ge=0, le=16, description="frames of each parent's film that a model which sees images is shown; 0: none are"
    )
    max_calls: int = Field(200, ge=1, description="model calls in one run, at most; then it ends with its best so far")
    max_tokens: int | None = Field(None, ge=1, description="tokens of all calls, prompts included, at most")
    max_cost: float | None = Field(None, gt=0, description="money for all calls, at most; needs the model in the price table")
    prices: Path | None = Field(None, description="price table; not set: ~/.config/designer/prices.toml or none")
    script: Path | None = Field(None, description="a folder with reply files (provider scripted)")
    replay: Path | None = Field(None, description="a run folder whose stored replies are played (provider replay)")

    @field_validator("base_url")
    @classmethod
    def _holds_no_secret(cls, address: str | None) -> str | None:
        """Refuse an address with a password, without quoting it: the settings of a run are stored and shown."""
        if address is not None and has_secret(address):
            raise ConfigError(
                "llm.base_url holds a user, a password or a query, and the settings of a run are stored. Put the whole address "
                "into the variable OPENAI_BASE_URL, which is stored nowhere, and a key into OPENAI_API_KEY."
            )
        return address


class PromptConfig(Section):
    source: bool | None = Field(
        None, description="show the world's code too, without reward, docstrings and info; not set: of a user's own world only"
    )
    digest: bool = Field(True, description="tell the model what was tried before, what happened, what failed and why")


class LibraryConfig(Section):
    examples: int = Field(
        0,
        ge=0,
        le=5,
        description="rewards that won earlier runs of similar tasks (`designer library`), shown to the model; 0: none",
    )


class Config(Section):
    search: SearchConfig = SearchConfig()
    training: TrainingConfig = TrainingConfig()
    curriculum: CurriculumConfig = CurriculumConfig()
    fading: FadingConfig = FadingConfig()
    help: HelpConfig = HelpConfig()
    variants: VariantsConfig = VariantsConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    feedback: FeedbackConfig = FeedbackConfig()
    llm: LlmConfig = LlmConfig()
    prompt: PromptConfig = PromptConfig()
    library: LibraryConfig = LibraryConfig()
    executor: ExecutorConfig = ExecutorConfig()
    worker: WorkerConfig = WorkerConfig()
    sandbox: SandboxConfig = SandboxConfig()
    disk: DiskConfig = DiskConfig()
    cached_baselines: bool = Field(
        True,
        description="take baselines that an earlier run trained alike, and keep this run's ($DESIGNER_BASELINES says where)",
    )
    clips: bool = Field(True, description="film the winner and the human-written reward's policy")
    track: str = Field(
        "",
        description="where the run's numbers go too: tensorboard, wandb, one of your own as module:Class; several with commas",
    )

    @property
    def aids(self) -> dict[str, Any]:
        """What eases or steers a candidate's training, as a training job says it; {} where nothing does."""
        return self.fading.for_the_trainer | self.help.for_the_trainer | self.variants.for_the_trainer

    @property
    def aids_told(self) -> list[str]:
        """The same for people."""
        return self.fading.told + self.help.told + self.variants.told

    @property
    def asks_solved(self) -> SolvedAsked:
        """Whether a candidate should say where the task is solved: as solved(s), or as solved(s, slack), or not at all."""
        if self.help.tolerance:
            return "slack"
        asked = {"anneal", "help"} & set(self.aids) or self.variants.rule in ("alp", "window")
        return "strict" if asked else ""

    @property
    def by_people_alone(self) -> bool:
        """Whether rankings alone steer: then no score may reach a prompt, a proposer or a guard."""
        return self.search.rule == "icpl"


class Knob(NamedTuple):
    """One setting: its dotted name, its field, and the value in a config."""

    name: str
    field: FieldInfo
    default: object


def knobs(config: BaseModel, prefix: str = "") -> Iterator[Knob]:
    """List every setting of a config, depth first."""
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            yield from knobs(value, f"{prefix}{name}.")
        else:
            yield Knob(prefix + name, field, value)


def load(file: Path | None, flags: Mapping[str, str]) -> Config:
    """Build a config: defaults, then the file, then flags (dotted name -> text). Raises ConfigError."""
    settings = _read(file) if file else {}
    known = [knob.name for knob in knobs(Config())]
    _refuse_unknown(settings, known, str(file))
    for name, text in flags.items():
        if name not in known:
            raise ConfigError(f"--{name} is not a setting.{did_you_mean(name, known)} `designer config` lists all.")
        _put(settings, name.split("."), text)
    if _names_a_model(settings.get("llm", {}), flags):
        settings["llm"]["provider"] = "openai"
    _apply_budget(settings)
    return validated(settings, str(file) if file else "the flags")


def _apply_budget(settings: dict[str, Any]) -> None:
    """Let a budget choose the sizes that nothing else chose; one in money also caps what the models may cost."""
    search = settings.get("search", {})
    text = search.get("budget")
    if text is None:
        return
    try:
        settings["search"] = with_budget(search, str(text))
        budget = parse_budget(str(text))
        if budget.unit == "money":
            settings.setdefault("llm", {}).setdefault("max_cost", budget.amount)
    except ValueError as error:
        raise ConfigError(f"search.budget: {error}.") from None


def _names_a_model(llm: Mapping[str, Any], flags: Mapping[str, str]) -> bool:
    """Say whether a model is named and no provider is: a model as a flag outweighs the composer in a file."""
    unset = "provider" not in llm or ("llm.model" in flags and llm["provider"] == "composer" and "llm.provider" not in flags)
    return bool(llm.get("model")) and unset


def validated(settings: Mapping[str, Any], where: str) -> Config:
    """Check a nested mapping of settings. Raises ConfigError that names the first bad one."""
    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"{name} = {first['input']!r} ({where}): {first['msg']}. `designer config` shows what it may be."
        ) from None


def with_environment(config: Config, name: str) -> Config:
    """Return the config with another worker environment, where nobody has chosen one."""
    if config.worker.python is not None or config.worker.environment != WorkerConfig().environment:
        return config
    return config.model_copy(update={"worker": config.worker.model_copy(update={"environment": name})})


def to_toml(config: Config) -> str:
    """Write every setting with its description, so that the file reads itself."""
    lines: list[str] = []
    section = ""
    for knob in sorted(knobs(config), key=lambda knob: knob.name.count(".")):
        head, _, name = knob.name.rpartition(".")
        if head != section:
            section = head
            lines += ["", f"[{head}]"]
        lines.append(f"# {knob.field.description}")
        lines.append(f"# {name} is not set" if knob.default is None else f"{name} = {_toml_value(_as_read(knob))}")
    return "\n".join(lines).strip() + "\n"


def _as_read(knob: Knob) -> object:
    """Return a value as it is when it is read back: a default may be written 6 where 6.0 is meant."""
    is_number = knob.field.annotation in (float, float | None) and isinstance(knob.default, int)
    return float(str(knob.default)) if is_number else knob.default


def _toml_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    # JSON's escapes are TOML's too, but for DEL, which TOML forbids.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file} can't be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}.") from None


def _refuse_unknown(settings: Mapping[str, Any], known: list[str], where: str, prefix: str = "") -> None:
    sections = {name.rpartition(".")[0] for name in known}
    for key, value in settings.items():
        name = prefix + key
        if isinstance(value, dict) and name in sections:
            _refuse_unknown(value, known, where, f"{name}.")
        elif name not in known:
            raise ConfigError(f"{where}: {name} is not a setting.{did_you_mean(name, known)} `designer config` lists all.")


def _put(settings: dict[str, Any], path: list[str], text: str) -> None:
    for part in path[:-1]:
        settings = settings.setdefault(part, {})
    settings[path[-1]] = text
