"""Audits: does a reward pay episodes that are known to be good more than those known to be bad?

    before its training   on episodes of earlier rounds: it may be kept from being trained
    in hindsight          its own policy's bad episodes against the run's good ones: where its own are paid more, it was hacked

The candidate's own box says what it pays (`explain`). That can keep it out or raise an alarm on it, never raise its score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from designer.archive import HINDSIGHT, Archive
from designer.errors import ReplyMissingError
from designer.evidence import explain_job, stored_analysis
from designer.executors.results import Explained, read_explained
from designer.journal import Reviewed
from designer.records import Remark, Status
from designer.workbench import ANALYSIS, EPISODES, Workbench

GOOD_FROM, BAD_TO, LEAST_SPAN = 0.7, 0.3, 0.25
OWN_TO = 0.5
"""Shares of the way from the lowest to the highest fitness: where good episodes begin, and where bad ones and one's own end."""
LEAST_GOOD, LEAST_BAD, PARTS_A_SIDE = 2, 2, 3
AUDIT_BLOCKS, AUDIT_WARNS = 0.5, 0.8


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


def known_episodes(run_folder: Path, archive: Archive) -> dict[Path, list[Known]]:
    """Return the worst and the best episode of every policy that was searched with, by the file that holds them."""
    found: dict[Path, list[Known]] = {}
    for trial in archive.trials.values():
        file = run_folder / trial.folder / ANALYSIS / EPISODES
        if trial.purpose == "search" and trial.is_whole and file not in found and file.is_file():
            analysed = stored_analysis(run_folder, trial)
            ends = [one for policy in analysed.policies for one in (policy.worst, policy.best)] if analysed else []
            found[file] = [Known(trial.candidate, episode.fitness, episode.steps) for episode in ends]
    return {file: episodes for file, episodes in found.items() if episodes}


def library_of(known: Mapping[Path, Sequence[Known]]) -> Library | None:
    """Return episodes that are clearly good or clearly bad by their fitness; None where there are too few."""
    ranked = _by_fitness(known)
    files = tuple(dict.fromkeys((*ranked[-PARTS_A_SIDE:], *ranked[:PARTS_A_SIDE])))
    fitness = [episode.fitness for file in files for episode in known[file]]
    if not fitness:
        return None
    low, high = min(fitness), max(fitness)
    return _library(files, known, low + GOOD_FROM * (high - low), low + BAD_TO * (high - low))


def library_against(known: Mapping[Path, Sequence[Known]], name: str) -> Library | None:
    """Return the run's good episodes and a candidate's own bad ones; None where it has none, or the run has no good ones."""
    ranked = _by_fitness(known)
    mine = [file for file in ranked if any(episode.candidate == name for episode in known[file])]
    fitness = [episode.fitness for episodes in known.values() for episode in episodes]
    if not mine:
        return None
    low, high = min(fitness), max(fitness)
    files = tuple(dict.fromkeys((*ranked[-PARTS_A_SIDE:], *mine)))
    return _library(files, known, low + GOOD_FROM * (high - low), low + OWN_TO * (high - low), name)


def _by_fitness(known: Mapping[Path, Sequence[Known]]) -> list[Path]:
    """Return the files by their best episode, the worst first."""
    return sorted(known, key=lambda file: (max(episode.fitness for episode in known[file]), str(file)))


def _library(
    files: tuple[Path, ...], known: Mapping[Path, Sequence[Known]], good_from: float, bad_to: float, own: str = ""
) -> Library | None:
    """Sort episodes into good and bad ones; `own`: whose the bad ones must be."""
    episodes = tuple(episode for file in files for episode in known[file])
    low, high = min(e.fitness for e in episodes), max(e.fitness for e in episodes)
    good = tuple(k for k, e in enumerate(episodes) if e.fitness >= good_from)
    bad = tuple(k for k, e in enumerate(episodes) if e.fitness <= bad_to and own in ("", e.candidate))
    apart = high > low and high - low >= LEAST_SPAN * max(abs(high), abs(low))
    return Library(files, episodes, good, bad) if apart and len(good) >= LEAST_GOOD and len(bad) >= LEAST_BAD else None


# What a reward makes of them ------------------------------------------------------------------------------------------


class Ranked(NamedTuple):
    """How many pairs of a good and a bad episode a reward ranks right (a tie is half of one), and the worst one in words."""

    right: float
    pairs: int
    worst: str

    @property
    def share(self) -> float:
        return self.right / self.pairs


def ranked(explained: Explained, library: Library) -> Ranked:
    """Hold what a reward pays for whole episodes against what they are worth."""
    paid = [sum(t.episodes[k] for t in explained.terms) * e.steps for k, e in enumerate(library.episodes)]
    pairs = [(good, bad) for good in library.good for bad in library.bad]
    right = sum(1.0 if paid[g] > paid[b] else 0.5 if paid[g] == paid[b] else 0.0 for g, b in pairs)
    g, b = min(pairs, key=lambda pair: paid[pair[0]] - paid[pair[1]])
    good, bad = library.episodes[g], library.episodes[b]
    worst = (
        f"an episode of {good.candidate} with a task score of {good.fitness:.3g} would be paid {paid[g]:.3g}, one of "
        f"{bad.candidate} with {bad.fitness:.3g} {paid[b]:.3g}"
    )
    return Ranked(right, len(pairs), worst)


def audit(name: str, explained: Explained, library: Library) -> Remark | None:
    """Say that a reward pays known bad episodes more than known good ones. None where it ranks most pairs right."""
    found = ranked(explained, library)
    if found.share >= AUDIT_WARNS:
        return None
    blocks = found.share < AUDIT_BLOCKS
    text = f"audit: it ranks {found.right:g} of {found.pairs} pairs of a good and a bad episode right; {found.worst}"
    return guard_remark(name, text + ("; it is not trained" if blocks else ""), blocks)


def guard_remark(name: str, text: str, blocking: bool = False) -> Remark:
    return Remark(candidate=name, source="guard", kind="flag", text=text, blocking=blocking)


def explained_in(bench: Workbench, archive: Archive, name: str, library: Library, place: str) -> Explained | None:
    """Have a candidate's box say what it pays for the episodes, or None where it can't. Raises SandboxError."""
    job = explain_job(bench, "reward", archive.candidates[name].source.encode(), library.files)
    result = bench.executor.run(job, bench.folder / "candidates" / name / place, lambda _: None)
    return read_explained(result.content, len(library.episodes)) if result.status is Status.OK else None


# In hindsight ---------------------------------------------------------------------------------------------------------


def hindsights(bench: Workbench, archive: Archive) -> list[partial[Reviewed]]:
    """Return what is left to look at again: candidates that were trained, did badly, and can be held against good episodes."""
    trained = [c.id for c in archive.candidates.values() if archive.search_scores(c.id)]
    names = [name for name in trained if (HINDSIGHT, name) not in archive.reviews]
    if not bench.analyses or not names or bench.config.by_people_alone:
        return []
    known = known_episodes(bench.folder, archive)
    libraries = {name: library_against(known, name) for name in names}
    return [partial(_hindsight, bench, archive, name, library) for name, library in libraries.items() if library]


def _hindsight(bench: Workbench, archive: Archive, name: str, library: Library) -> Reviewed:
    nothing = Reviewed(reviewer=HINDSIGHT, candidate=name, remarks=())
    try:
        explained = explained_in(bench, archive, name, library, HINDSIGHT)
    except ReplyMissingError:  # a replay of a run that was made before there was hindsight
        return nothing
    remark = looked_back(name, explained, library) if explained else None
    return nothing.model_copy(update={"remarks": (remark,)}) if remark else nothing


def looked_back(name: str, explained: Explained, library: Library) -> Remark | None:
    """Tell a reward that was hacked (a flag) from one that was not learnt (a text); None where it can't be told."""
    found = ranked(explained, library)
    if found.share >= AUDIT_WARNS:
        text = (
            f"not learnt rather than hacked: it pays the run's good episodes more than its own policy's, in {found.right:g} of "
        )
        return Remark(candidate=name, source="guard", kind="text", text=f"{text}{found.pairs} pairs")
    if found.share >= AUDIT_BLOCKS:
        return None
    text = f"misranking: it pays what its own policy does more than what the task wants, in {found.pairs - found.right:g} of "
    return guard_remark(name, f"{text}{found.pairs} pairs of episodes; {found.worst}")
