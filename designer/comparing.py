"""`designer compare`: how far apart two rewards are, and where they disagree."""

from __future__ import annotations

import argparse
from pathlib import Path

from designer.archive import Archive
from designer.assemble import executor_for
from designer.errors import InputError, RewardRefusedError, did_you_mean
from designer.executors.results import Signature, read_probed
from designer.filming import film_candidates
from designer.proposing import run_probe
from designer.runs import Run, open_run
from designer.sandboxes import require_consent
from designer.screening import SAME, compare, signature_of
from designer.workbench import Workbench

MOST_FIELDS = 6


def compare_rewards(asked: argparse.Namespace) -> None:
    """Print the distance of two rewards on the run's shared transitions, where they differ, and clips of their policies."""
    run = open_run(asked.run)
    require_consent(run.config, asked.unsafe)
    archive, executor = run.archive(), executor_for(run)
    bench = Workbench(run.task, run.table, run.config, executor, run.folder)
    paid = [_signature(bench, archive, name) for name in (asked.first, asked.second)]
    place = f"compared/{_slug(asked.first)}-{_slug(asked.second)}"
    found = compare(bench, paid, 1, place)
    nearest = found.nearest[0]
    if nearest is None:
        raise InputError("they can't be compared: one of them could not be paid on states far from random play.")
    constant = "" if found.centred else " Here a constant counts, since an episode can end early."
    print(f"distance {nearest.distance:.3f}: {_meaning(nearest.distance)}.{constant}")
    print("Where they disagree most in random play (each in its own standard deviations from its mean):")
    for case in found.differ[0]:
        values = ", ".join(f"{name} {' '.join(f'{v:.3g}' for v in numbers)}" for name, numbers in _moved(run, case.state))
        print(f"  {asked.first} {case.first:+.2f}, {asked.second} {case.second:+.2f}: {values}")
    _clips(run, archive, (asked.first, asked.second))


def _meaning(apart: float) -> str:
    if apart < SAME:
        return "the same reward, scale, offset and shaping aside"
    if apart < 0.3:
        return "alike"
    if apart < 0.6:
        return "related: they pay much of the same"
    return "about as unlike as two unrelated rewards (0.7)" if apart < 0.8 else "nearly opposite"


def _signature(bench: Workbench, archive: Archive, name: str) -> Signature:
    """Return what a candidate of the run, or a file, pays for shared transitions. Raises InputError, RewardRefusedError."""
    known = signature_of(bench.folder, name) if name in archive.candidates else None
    if known:
        return known
    if name in archive.candidates:
        source = archive.candidates[name].source
    elif Path(name).is_file():
        source = Path(name).read_text(encoding="utf-8")
    else:
        hint = did_you_mean(name, archive.candidates)
        raise InputError(f"{name!r} is neither a candidate of {bench.folder} nor a file.{hint}")
    result = run_probe(source, bench, f"compared/{_slug(name)}")
    probed = read_probed(result.content)
    if probed is None or probed.rewards is None:
        raise RewardRefusedError(f"{name} can't be paid: {result.error or 'its box says nothing of its rewards'}")
    return probed.rewards


def _moved(run: Run, state: dict[str, tuple[float, ...]]) -> list[tuple[str, tuple[float, ...]]]:
    """Return the fields that are farthest from the middle of their usual range."""
    fields = run.table.by_name

    def far(name: str) -> float:
        if name not in fields:
            return 0.0
        ranges = zip(state[name], fields[name].low, fields[name].high, strict=False)
        return max((abs(v - (low + high) / 2) / ((high - low) or 1.0) for v, low, high in ranges), default=0.0)

    return [(name, state[name]) for name in sorted(state, key=far, reverse=True)[:MOST_FIELDS]]


def _clips(run: Run, archive: Archive, names: tuple[str, str]) -> None:
    """Film a policy of each candidate that has one, and say where the clips are."""
    trained = [name for name in names if name in archive.candidates and archive.search_scores(name)]
    for name, why_not in film_candidates(run, executor_for(run), trained) if run.config.clips else ():
        print(f"clip of {name}: {why_not or run.folder / 'candidates' / name / 'clip-search' / 'clip.mp4'}")


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)[-40:]
