"""`training.share_box`: candidates of a round that are trained in one box, stacked, each paid by its own reward.

It is done before the trials that need it, and each candidate's part is put where a box of its own would have left it; from
there on nothing differs. Where a shared box as a whole failed (a candidate ended it, say), each is trained in its own.
Code that attacks its process can spoil the others' trainings here, so baselines and finalists never share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from designer import shared_result
from designer.archive import BASELINES, Archive
from designer.executors import Job, JobResult
from designer.executors.ending import own_word
from designer.files import link_or_copy
from designer.journal import TrainedTogether
from designer.records import Status
from designer.search import Batch
from designer.trials import POLICY_BYTES, START_UP_CPU_S, paused_at, training_cpu_s, training_spec
from designer.workbench import CHECKPOINT, CURVES, POLICY, Workbench, batch_folder

FOLDER = "together"
Tell = Callable[[Batch, Mapping[str, float]], None]
"""Is told of each batch's progress."""


def trainings_together(
    bench: Workbench, archive: Archive, batches: Sequence[Batch], boxes: int, tell: Tell
) -> list[partial[TrainedTogether]]:
    """Return the shared trainings that these batches still need, for so many boxes at once; none unless it is asked for."""
    if not bench.config.training.share_box or bench.config.aids:  # an aid is one candidate's: it is trained alone
        return []
    return [partial(train_together, bench, archive, group, tell) for group in groups(archive, batches, boxes)]


def one_stage(bench: Workbench, batches: tuple[Batch, ...]) -> tuple[Batch, ...]:
    """Return the trainings to begin together: where rewards share boxes, those at the same stage as the first.

    Who shares a box with whom must not hang on which training ended first.
    """
    if not bench.config.training.share_box:
        return batches
    return tuple(batch for batch in batches if (batch.since, batch.seeds) == (batches[0].since, batches[0].seeds))


def groups(archive: Archive, batches: Sequence[Batch], boxes: int) -> list[tuple[Batch, ...]]:
    """Put batches that can be stacked into as few boxes as there may be at once. One that would be alone is left out."""
    alike: dict[tuple[object, ...], list[Batch]] = {}
    for batch in batches:
        stacks = batch.candidate not in BASELINES and not _is_curriculum(archive, batch.candidate)
        if batch.purpose == "search" and stacks and not _was_together(archive, batch):
            alike.setdefault((batch.seeds, batch.since, batch.until), []).append(batch)
    found = []
    for several in alike.values():
        parts = min(boxes, max(1, len(several) // 2))
        found += [tuple(several[k::parts]) for k in range(parts)]
    return [group for group in found if len(group) > 1]


def _is_curriculum(archive: Archive, candidate: str) -> bool:
    """Say whether a candidate is a curriculum: its worlds show more than another's, so it is trained alone."""
    known = archive.candidates.get(candidate)
    return known is not None and known.form == "stages"


def _was_together(archive: Archive, batch: Batch) -> bool:
    """Say whether a shared box has trained this batch, or tried to."""
    asked = (batch.seeds, batch.until)
    return any((event.seeds, event.until) == asked and batch.candidate in event.candidates for event in archive.together)


def train_together(bench: Workbench, archive: Archive, group: Sequence[Batch], tell: Tell) -> TrainedTogether:
    """Train a group in one box and put each one's part in its place."""

    def told(numbers: Mapping[str, float]) -> None:
        for batch in group:
            tell(batch, numbers)

    folder = bench.folder / FOLDER / batch_folder(group[0]).replace("/", "-")
    result = bench.executor.run(_job(bench, archive, group), folder, told)
    sent = shared_result.sent_by(result.content, len(group)) if result.status is Status.OK else None
    if sent is not None:
        for k, said in enumerate(sent):
            _put_in_place(bench, group, k, said, folder, result)
    error = result.error if sent is None else ""
    return TrainedTogether(
        candidates=tuple(batch.candidate for batch in group),
        seeds=group[0].seeds,
        until=group[0].until,
        status=Status.OK if sent is not None else Status.CRASHED if result.status is Status.OK else result.status,
        error=error or ("" if sent is not None else "the box told nothing of its candidates"),
        walls=f"{bench.executor.name} ({result.walls or bench.executor.walls()})",
    )


def _job(bench: Workbench, archive: Archive, group: Sequence[Batch]) -> Job:
    first, count = group[0], len(group)
    may_use_s = training_cpu_s(bench, first)
    spec = {**training_spec(bench, first), "candidates": count, "entry": "reward", "reward_cpu_s": may_use_s}
    files: dict[str, bytes | Path] = {}
    for k, batch in enumerate(group):
        files[f"reward-{k}.py"] = archive.source(batch.candidate).encode()
        if batch.since > 0:
            files[_numbered(CHECKPOINT, k)] = paused_at(bench, batch)
    limits = bench.limits(START_UP_CPU_S + count * may_use_s, count * POLICY_BYTES)
    return Job("train_together", spec, files, limits)


def _put_in_place(
    bench: Workbench, group: Sequence[Batch], k: int, said: Mapping[str, Any], folder: Path, whole: JobResult
) -> None:
    """Lay candidate k's part where its own box would have left it. Its note comes last: with it the part is there."""
    place = bench.folder / batch_folder(group[k]) / "train"
    place.mkdir(parents=True, exist_ok=True)
    for name in (POLICY, CHECKPOINT, CURVES):
        (place / name).unlink(missing_ok=True)
        if (folder / _numbered(name, k)).is_file():
            link_or_copy(folder / _numbered(name, k), place / name)
    status, error = own_word(said)
    content = dict(said) if status is Status.OK else {}
    share = JobResult(status, error, content, whole.cpu_s / len(group), whole.wall_s, whole.walls)
    shared_result.keep(place, share, [batch.candidate for batch in group if batch is not group[k]])


def _numbered(name: str, k: int) -> str:
    """Name candidate k's part of what a box sends or gets."""
    stem, _, kind = name.partition(".")
    return f"{stem}-{k}.{kind}"
