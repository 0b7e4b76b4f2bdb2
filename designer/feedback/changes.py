"""What a candidate changed against its parent, and what came of it: one sentence for the next prompt and for people."""

from __future__ import annotations

from designer.archive import Archive
from designer.numbers import named_numbers
from designer.records import Candidate, Remark

MAX_NUMBERS = 6


def change_of(archive: Archive, candidate: Candidate) -> Remark | None:
    """Say which terms and numbers differ from the first parent's, and how the task score moved. None without a parent."""
    parent = archive.candidates.get(candidate.parents[0]) if candidate.parents else None
    if parent is None:
        return None
    parts = [*_terms(archive, parent.id, candidate.id), *_numbers(parent.source, candidate.source)]
    before, after = archive.search_score(parent.id), archive.search_score(candidate.id)
    if before is not None and after is not None:
        parts.append(f"task score {before:.3g} -> {after:.3g}")
    if not parts:
        return None
    return Remark(candidate=candidate.id, source="statistics", kind="text", text=f"against {parent.id}: {'; '.join(parts)}")


def _terms(archive: Archive, parent: str, child: str) -> list[str]:
    """Name the terms that came and went, where both were trained: the traces know them."""
    old, new = (_names(archive, name) for name in (parent, child))
    if not old or not new:
        return []
    gone, come = sorted(old - new), sorted(new - old)
    return [*([f"without {', '.join(gone)}"] if gone else []), *([f"new: {', '.join(come)}"] if come else [])]


def _names(archive: Archive, name: str) -> set[str]:
    return {trace.name for trial in archive.trials_of(name, "search")[:1] for trace in trial.traces}


def _numbers(old: str, new: str) -> list[str]:
    """List the named numbers that both have and that differ."""
    try:
        before, after = named_numbers(old), named_numbers(new)
    except ValueError:
        return []
    changed = [
        f"{name} {before[name]:g} -> {after[name]:g}" for name in before if after.get(name, before[name]) != before[name]
    ]
    more = [f"and {len(changed) - MAX_NUMBERS} more numbers"] if len(changed) > MAX_NUMBERS else []
    return [*changed[:MAX_NUMBERS], *more]
