"""Clips of the winner and of the human-written reward's policy: the median seed of each, the same start."""

from __future__ import annotations

import shutil

from designer.archive import HUMAN
from designer.errors import MachineError
from designer.executors import Executor, Job, Limits
from designer.records import Status, Trial
from designer.runs import CLIP, Run
from designer.seeds import clip_seed
from designer.workbench import POLICY

SECONDS = 10.0
LIMITS = Limits(cpu_s=300, wall_s=600, memory_bytes=16 * 1024**3)
HUMAN_CLIP = "clip-human.mp4"


def film(run: Run, executor: Executor) -> str:
    """Make the clips that are still missing. Returns the winner's path, or one sentence why there is none."""
    archive = run.archive()
    winner = archive.finished.winner if archive.finished else None
    if not run.config.clips:
        return "none (clips = false)"
    if winner is None:
        return "none (there is no winner)"
    told = str(run.folder / CLIP)
    for name, file in ((winner, CLIP), (HUMAN, HUMAN_CLIP)):
        trials = [trial for trial in archive.trials_of(name, "final") if trial.result]
        if trials and not (run.folder / file).exists():
            error = _film(run, executor, trials, file)
            if error and file == CLIP:
                told = f"none ({error}; on Debian, `sh scripts/system.sh` installs what drawing needs)"
    return told


def _film(run: Run, executor: Executor, trials: list[Trial], file: str) -> str:
    """Film the median trial. A clip that can't be made fails nothing: the reason is returned."""
    median = sorted(trials, key=lambda trial: trial.scores[-1].fitness)[len(trials) // 2]
    together = [t for t in run.archive().trials_of(median.candidate, "final") if t.folder == median.folder]
    spec = {
        "world": run.table.world,
        "checkpoints": run.config.evaluation.checkpoints,
        "policies": len(together),
        "policy": [trial.seed for trial in together].index(median.seed),
        "seed": clip_seed(run.config.search.seed),
        "seconds": SECONDS,
    }
    folder = run.folder / "candidates" / median.candidate / "clip"
    job = Job("render", spec, {POLICY: run.folder / median.folder / "train" / POLICY}, LIMITS)
    try:
        result = executor.run(job, folder, lambda _: None)
        if result.status is not Status.OK:
            return result.error
        shutil.copyfile(folder / CLIP, run.folder / file)
    except (MachineError, OSError) as error:
        return str(error)
    return ""
