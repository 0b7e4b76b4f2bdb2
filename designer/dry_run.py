"""`designer run --dry-run`: print the script that Slurm would be given for a training, and hand nothing in."""

from __future__ import annotations

from designer.clusters import SLURM
from designer.config import Config
from designer.errors import ConfigError
from designer.executors.slurm_jobs import posts_root
from designer.executors.slurm_queue import script, wanted_of
from designer.task import TaskDraft
from designer.trials import START_UP_CPU_S
from designer.workbench import limits_by


def slurm_script(draft: TaskDraft, config: Config) -> str:
    """Return the script of a training on one seed; those of other jobs differ in name, time and GPUs. Raises ConfigError."""
    if config.executor.backend != SLURM:
        raise ConfigError(
            "--dry-run prints what Slurm would be given: add --executor.backend slurm. `designer plan` forecasts a run."
        )
    steps = config.training.steps or draft.file.steps
    limits = limits_by(config, START_UP_CPU_S + config.executor.cpu_s_per_1k_steps * steps / 1000)
    return script(config, posts_root(config) / "POST", wanted_of(config, limits, "train", gpus=True))
