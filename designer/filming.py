"""Clips: the winner and the human-written reward's policy at a run's end, any candidate when asked. The same start in all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from designer.archive import HUMAN, Archive
from designer.errors import MachineError
from designer.executors import Executor, Job, JobResult, Limits
from designer.feedback.guards import alarms_of, fitness_range
from designer.records import Status, Trial
from designer.runs import CLIP, Run
from designer.search import Batch
from designer.seeds import clip_seed
from designer.trials import fractions
from designer.waiting import side_by_side
from designer.workbench import PAUSED, POLICY

SECONDS = 10.0
MOST_ALARMED = 6
LIMITS = Limits(cpu_s=300, wall_s=600, memory_bytes=16 * 1024**3)
HUMAN_CLIP = "clip-human.mp4"
FINAL_CLIP, SEARCH_CLIP, STILLS = "clip", "clip-search", "stills"
"""Folders beside a reward's trials: a clip of a policy of the finals, and of the search, and frames of the latter."""


def film(run: Run, executor: Executor) -> str:
    """Make the clips that are still missing. Returns the winner's path, or one sentence why there is none."""
    archive = run.archive()
    winner = archive.finished.winner if archive.finished else None
    if not run.config.clips:
        return "none (clips = false)"
    if winner is None:
        return "none (there is no winner)"
    missing = []
    for name, file in ((winner, CLIP), (HUMAN, HUMAN_CLIP)):
        trials = [trial for trial in archive.trials_of(name, "final") if trial.result]
        if trials and not (run.folder / file).exists():
            missing.append(partial(_film, run, executor, trials, file))
    errors: dict[str, str] = {}
    side_by_side(max(1, len(missing)), missing, errors.update, executor.stop)
    if error := errors.get(CLIP):
        return f"none ({error}; on Debian, `sh scripts/system.sh` installs what drawing needs)"
    list(film_candidates(run, executor, alarmed(archive)))
    return str(run.folder / CLIP)


def alarmed(archive: Archive) -> list[str]:
    """Return the first candidates that raised an alarm: a clip of each goes with it."""
    seen = fitness_range(archive)
    return [name for name in archive.candidates if alarms_of(archive, name, seen)][:MOST_ALARMED]


def film_candidates(run: Run, executor: Executor, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Film the first search policy of each of these rewards that has none yet. Yields (name, why not or "")."""
    archive = run.archive()
    for name in names:
        folder = run.folder / "candidates" / name / SEARCH_CLIP
        trials = [trial for trial in archive.trials_of(name, "search") if trial.result]
        if (folder / CLIP).exists():
            yield name, ""
        elif not trials:
            yield name, "no training of it ended well"
        else:
            yield name, _tried(run, executor, trials[0], archive.trials_of(name, "search"), folder)


def _film(run: Run, executor: Executor, trials: list[Trial], file: str) -> dict[str, str]:
    """Film the median trial and keep the clip beside the report. Returns why there is none, or "", under the file's name."""
    median = sorted(trials, key=lambda trial: trial.scores[-1].fitness)[len(trials) // 2]
    folder = run.folder / "candidates" / median.candidate / FINAL_CLIP
    error = _tried(run, executor, median, run.archive().trials_of(median.candidate, "final"), folder)
    if not error:
        shutil.copyfile(folder / CLIP, run.folder / file)
    return {file: error}


def _tried(run: Run, executor: Executor, trial: Trial, all_trials: list[Trial], folder: Path) -> str:
    """Film one policy. A clip that can't be made fails nothing: the reason is returned."""
    try:
        result = _render(run, executor, trial, all_trials, folder)
    except (MachineError, OSError) as error:
        return str(error)
    return "" if result.status is Status.OK else result.error


def film_stills(run: Run, executor: Executor, trial: Trial, all_trials: list[Trial], count: int) -> JobResult:
    """Draw `count` frames of one policy's episode; they are in the result. Raises MachineError."""
    return _render(run, executor, trial, all_trials, run.folder / "candidates" / trial.candidate / STILLS, count)


def _render(run: Run, executor: Executor, trial: Trial, all_trials: list[Trial], folder: Path, stills: int = 0) -> JobResult:
    """Play one policy in a box and draw it: a clip, or so many stills."""
    config = run.config
    seeds = [other.seed for other in all_trials if other.folder == trial.folder]
    kept = fractions(config, Batch(trial.candidate, trial.purpose, tuple(seeds), trial.until, _since(run.folder, trial)))
    spec = {
        "world": run.table.world,
        "checkpoints": len(kept),
        "policies": len(seeds),
        "policy": seeds.index(trial.seed),
        "seed": clip_seed(config.search.seed),
        "seconds": SECONDS,
        **({"stills": stills} if stills else {}),
    }
    job = Job("render", spec, {POLICY: run.folder / trial.folder / "train" / POLICY}, LIMITS)
    return executor.run(job, folder, lambda _: None)


def _since(run_folder: Path, trial: Trial) -> float:
    """Return the share at which the piece began that the trial's folder holds: where the latest one before it was paused."""
    folder = run_folder / trial.folder
    whole = folder.name.partition(PAUSED)[0]
    shares = [float(path.name.rpartition(PAUSED)[2]) / 100 for path in folder.parent.glob(f"{whole}{PAUSED}*")]
    return max((share for share in shares if share < trial.until), default=0.0)
