"""Who ranks candidates where a run's settings leave it open, and what a task without a fitness is searched by."""

from __future__ import annotations

from designer.config import Config
from designer.errors import ConfigError
from designer.expression import parse_episode
from designer.records import StateTable, Task


def with_rater(config: Config, task: Task) -> Config:
    """Let the task's order of factors rank where nobody else was chosen to judge. Raises ConfigError where there is none."""
    feedback = config.feedback
    if feedback.rater == "heron" and not task.order:
        raise ConfigError(
            "feedback.rater = heron compares by an order of factors, and this task has none. Type one, the weightiest first: "
            '--order "speed: torso_velocity[x]" --order "effort: -norm(action)".'
        )
    chosen = feedback.model_fields_set
    changes: dict[str, str] = {}
    if task.order and task.fitness is None and "source" not in chosen:
        changes["source"] = "ranking"
    if task.order and "ranking" in (feedback.source, changes.get("source")) and "rater" not in chosen:
        changes["rater"] = "heron"
    return config.model_copy(update={"feedback": feedback.model_copy(update=changes)}) if changes else config


def ranked_only(task: Task, table: StateTable, config: Config) -> tuple[Task, Config]:
    """Fit a task without a fitness for a search that people's rankings steer alone. Every episode scores 0."""
    if config.feedback.rater == "simulated":
        raise ConfigError("a simulated rater answers by the task's fitness, and this task has none. Give it one: --fitness.")
    nothing = parse_episode("0 * mean(norm(action))", table)
    search = config.search.model_copy(update={"rule": "icpl"})
    return task.model_copy(update={"fitness": nothing}), config.model_copy(update={"search": search})
