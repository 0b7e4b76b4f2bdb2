"""What keeps a sound candidate from being trained: it is an earlier reward again, or it pays bad episodes more than good ones.

    compare   every reward on the same transitions, canonicalised and normalised: who is too near to one before it (one box)
    audit     the reward on episodes that are known to be good or bad (a box each: a candidate's code runs in it)

What a candidate's box says can only keep that candidate out; what decides between candidates is measured in a box without code.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from designer.archive import BASELINES, Archive
from designer.errors import SandboxError
from designer.evidence import explain_job, stored_analysis
from designer.executors import Job
from designer.executors.results import Compared, Explained, Nearest, Signature, read_compared, read_explained
from designer.journal import Screened
from designer.records import Remark, Status
from designer.search import Batch
from designer.seeds import random_play_seed
from designer.workbench import ANALYSIS, EPISODES, SIGNATURE, Workbench

SAME = 0.02
MOST_COMPARED = 400
GOOD_FROM, BAD_TO, LEAST_SPAN = 0.7, 0.3, 0.25
LEAST_GOOD, LEAST_BAD, PARTS_A_SIDE = 2, 2, 3
AUDIT_BLOCKS, AUDIT_WARNS = 0.5, 0.8
CPU_S = 300


class Known(NamedTuple):
    """An episode whose worth is known: whose policy played it, its fitness and its length [steps]."""

    candidate: str
    fitness: float
    steps: int


class Library(NamedTuple):
    """Episodes for an audit, in the order of the files that hold them; `good` and `bad` are places among them."""

    files: tuple[Path, ...]
    episodes: tuple[Known, ...]
    good: tuple[int, ...]
    bad: tuple[int, ...]


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
    library = None if bench.config.by_people_alone else library_of(bench.folder, archive)
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
        return known.model_copy(update={"remarks": (_remark(known.candidate, text, blocking=True),)})
    remark = _audited(bench, archive, known.candidate, library) if library else None
    return known.model_copy(update={"remarks": (remark,)}) if remark else known


def _remark(candidate: str, text: str, blocking: bool) -> Remark:
    return Remark(candidate=candidate, source="guard", kind="flag", text=text, blocking=blocking)


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


def library_of(run_folder: Path, archive: Archive) -> Library | None:
    """Return episodes of this run that are clearly good or clearly bad by their fitness; None where there are too few."""
    found: dict[Path, list[Known]] = {}
    for trial in archive.trials.values():
        file = run_folder / trial.folder / ANALYSIS / EPISODES
        if trial.purpose == "search" and trial.is_whole and file not in found and file.is_file():
            analysed = stored_analysis(run_folder, trial)
            ends = [one for policy in analysed.policies for one in (policy.worst, policy.best)] if analysed else []
            found[file] = [Known(trial.candidate, episode.fitness, episode.steps) for episode in ends]
    known = {file: episodes for file, episodes in found.items() if episodes}
    ranked = sorted(known, key=lambda file: (max(e.fitness for e in known[file]), str(file)))
    files = tuple(dict.fromkeys((*ranked[-PARTS_A_SIDE:], *ranked[:PARTS_A_SIDE])))
    episodes = tuple(episode for file in files for episode in known[file])
    if not episodes:
        return None
    low, high = min(e.fitness for e in episodes), max(e.fitness for e in episodes)
    good = tuple(k for k, e in enumerate(episodes) if e.fitness >= low + GOOD_FROM * (high - low))
    bad = tuple(k for k, e in enumerate(episodes) if e.fitness <= low + BAD_TO * (high - low))
    if high <= low or high - low < LEAST_SPAN * max(abs(high), abs(low)) or len(good) < LEAST_GOOD or len(bad) < LEAST_BAD:
        return None
    return Library(files, episodes, good, bad)


def _audited(bench: Workbench, archive: Archive, name: str, library: Library) -> Remark | None:
    job = explain_job(bench, "reward", archive.candidates[name].source.encode(), library.files)
    result = bench.executor.run(job, bench.folder / "candidates" / name / "audit", lambda _: None)
    explained = read_explained(result.content, len(library.episodes)) if result.status is Status.OK else None
    return audit(name, explained, library) if explained else None


def audit(name: str, explained: Explained, library: Library) -> Remark | None:
    """Say that a reward pays known bad episodes more than known good ones. None where it ranks most pairs right."""
    paid = [sum(t.episodes[k] for t in explained.terms) * e.steps for k, e in enumerate(library.episodes)]
    pairs = [(good, bad) for good in library.good for bad in library.bad]
    right = sum(1.0 if paid[g] > paid[b] else 0.5 if paid[g] == paid[b] else 0.0 for g, b in pairs)
    if right >= AUDIT_WARNS * len(pairs):
        return None
    g, b = min(pairs, key=lambda pair: paid[pair[0]] - paid[pair[1]])
    good, bad = library.episodes[g], library.episodes[b]
    blocks = right < AUDIT_BLOCKS * len(pairs)
    text = (
        f"audit: it ranks {right:g} of {len(pairs)} pairs of a good and a bad episode right; an episode of {good.candidate} "
        f"with a task score of {good.fitness:.3g} would be paid {paid[g]:.3g}, one of {bad.candidate} with {bad.fitness:.3g} "
        f"{paid[b]:.3g}"
    )
    return _remark(name, text + ("; it is not trained" if blocks else ""), blocks)
