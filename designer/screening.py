"""What keeps a sound candidate from being trained: it is an earlier reward again, or it pays bad episodes more than good ones.

    compare   every reward on the same transitions, canonicalised and normalised: who is too near to one before it (one box)
    audit     the reward on episodes that are known to be good or bad (a box each: a candidate's code runs in it)

What a candidate's box says can only keep that candidate out; what decides between candidates is measured in a box without code.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from designer.archive import BASELINES, Archive
from designer.auditing import Library, audit, explained_in, guard_remark, hindsights, known_episodes, library_of
from designer.errors import SandboxError
from designer.executors import Job
from designer.executors.results import Compared, Nearest, Signature, read_compared
from designer.journal import Reviewed, Screened
from designer.records import Remark, Status
from designer.search import Batch
from designer.seeds import random_play_seed
from designer.workbench import SIGNATURE, Workbench

SAME = 0.02
MOST_COMPARED = 400
CPU_S = 300


def looks_before(
    bench: Workbench, batches: Sequence[Batch], archive: Archive
) -> Sequence[partial[Screened] | partial[Reviewed]]:
    """Return what is to be looked at before these trainings: new candidates, and before the finals all that was trained."""
    new = unscreened(bench, batches, archive)
    if new:
        return screenings(bench, archive, new)
    return hindsights(bench, archive) if batches and batches[0].purpose == "final" else []


def unscreened(bench: Workbench, batches: Sequence[Batch], archive: Archive) -> list[str]:
    """Return the candidates that would now be trained for the first time and that nobody has looked at, oldest first."""
    if not bench.screens:
        return []
    names = [b.candidate for b in batches if b.purpose == "search" and b.candidate not in BASELINES]
    new = [name for name in dict.fromkeys(names) if name not in archive.screened and not archive.trials_of(name, "search")]
    return sorted(new, key=lambda name: (archive.candidates[name].round, archive.candidates[name].sample))


def screenings(bench: Workbench, archive: Archive, names: Sequence[str]) -> list[partial[Screened]]:
    """Compare candidates with all before them, and return what is left to do: the rest of each one's screening."""
    near = _nearest(bench, archive, names)
    library = None if bench.config.by_people_alone else library_of(known_episodes(bench.folder, archive))
    found = []
    for name in names:
        nearest, apart = near.get(name, ("", None))
        repeated = nearest if apart is not None and apart < SAME else ""
        known = Screened(candidate=name, nearest=nearest, distance=apart, duplicate_of=_first(repeated, near))
        found.append(partial(_screened, bench, archive, known, None if repeated else library))
    return found


def _first(name: str, near: dict[str, tuple[str, float | None]]) -> str:
    """Follow duplicates back to the one that isn't one."""
    while name in near:
        before, apart = near[name]
        if apart is None or apart >= SAME:
            break
        name = before
    return name


def _screened(bench: Workbench, archive: Archive, known: Screened, library: Library | None) -> Screened:
    if known.duplicate_of:
        text = (
            f"duplicate: on shared transitions it pays as {known.duplicate_of} does, scale, offset and shaping aside (distance "
            f"{known.distance:.3f}, the same below {SAME}); it is not trained and shares that score"
        )
        return known.model_copy(update={"remarks": (guard_remark(known.candidate, text, blocking=True),)})
    remark = _audited(bench, archive, known.candidate, library) if library else None
    return known.model_copy(update={"remarks": (remark,)}) if remark else known


# Duplicates ---------------------------------------------------------------------------------------------------------


def _nearest(bench: Workbench, archive: Archive, names: Sequence[str]) -> dict[str, tuple[str, float | None]]:
    """Return, for each new candidate that can be compared, which one before it is nearest and how far that is."""
    places = {c.id: (c.round, c.sample) for c in archive.candidates.values()}
    rounds = {places[name][0] for name in names}
    # Of this round all that are sound, whatever was found of them: a run that was stopped here compares the same ones again.
    sound = [n for n in places if archive.trainable(n) or (places[n][0] in rounds and archive.verdicts[n].status is Status.OK)]
    signed = [(name, found) for name in sorted(sound, key=lambda n: places[n]) if (found := signature_of(bench.folder, name))]
    signed = signed[-MOST_COMPARED:]
    listed = [name for name, _ in signed]
    first = next((k for k, name in enumerate(listed) if places[name][0] in rounds), len(listed))
    if len(listed) < 2 or first == len(listed):
        return {}
    compared = compare(bench, [found for _, found in signed], first, f"candidates/{listed[first]}/compare")
    return {name: _named(nearest, listed) for name, nearest in zip(listed[first:], compared.nearest, strict=True)}


def _named(nearest: Nearest | None, listed: Sequence[str]) -> tuple[str, float | None]:
    if nearest is None or nearest.to >= len(listed):
        return "", None
    return listed[nearest.to], nearest.distance


def compare(bench: Workbench, rewards: Sequence[Signature], first: int, folder: str) -> Compared:
    """Measure how far each reward from the `first`-th on is from those before it. Raises SandboxError."""
    spec = {
        "world": bench.table.world,
        "seed": random_play_seed(bench.config.search.seed),
        "gamma": bench.config.training.gamma,
        "first": first,
        "rewards": [reward.model_dump(mode="json") for reward in rewards],
    }
    result = bench.executor.run(Job("compare", spec, {}, bench.limits(CPU_S)), bench.folder / folder, lambda _: None)
    if result.status is not Status.OK:
        raise SandboxError(f"comparing rewards in {bench.folder / folder} failed ({result.status}): {result.error}")
    return read_compared(result.content, len(rewards) - first)


def signature_of(run_folder: Path, candidate: str) -> Signature | None:
    """Return what a candidate's probe said that it pays, or None."""
    try:
        return Signature.model_validate_json((run_folder / "candidates" / candidate / SIGNATURE).read_bytes())
    except (OSError, ValidationError):
        return None


# Audit --------------------------------------------------------------------------------------------------------------


def _audited(bench: Workbench, archive: Archive, name: str, library: Library) -> Remark | None:
    explained = explained_in(bench, archive, name, library, "audit")
    return audit(name, explained, library) if explained else None
