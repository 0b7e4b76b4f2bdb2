"""Evidence: what the judging episodes of a training show beside their fitness. Reduced in boxes; the host adds up short lists.

    analyse   trajectories and fitness, no candidate's code   -> events, actions at their bounds, the best and the worst episode
    explain   the candidate's code and trajectories           -> what each of its terms paid in each episode

What explains a reward is its own box's word: text for the next prompt and for people, never a score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from designer.errors import SandboxError
from designer.executors import Job
from designer.executors.results import Analysed, Episode, Explained, Played, Scored, read_analysed, read_explained
from designer.executors.resumable import stored_result
from designer.records import Evidence, Status, TermEvidence, Trial
from designer.search import Batch
from designer.statistics import correlation
from designer.text import one_line
from designer.workbench import ANALYSIS, EXPLANATION, TRAJECTORIES, Workbench, batch_folder

CPU_S = 600
MAX_TERMS, MAX_EVENTS = 32, 5
FIELD_FACTS = {"name", "shape", "unit", "frame", "kind", "sentence", "components"}


class Paid(NamedTuple):
    """What pays in a training: the job's `reward`, and its files."""

    spec: Mapping[str, Any]
    files: Mapping[str, bytes | Path]


def gather(bench: Workbench, batch: Batch, reward: Paid, played: Played, scored: Scored) -> list[Evidence]:
    """Look into the episodes of a batch while their trajectories are there. Returns one entry a policy. Raises SandboxError."""
    folder = bench.folder / batch_folder(batch)
    analysed = analyse(bench, played, scored, folder)
    spec, files = reward
    trajectories = folder / "rollout" / TRAJECTORIES
    explained = None
    if spec["kind"] == "code":
        job = explain_job(bench, spec["entry"], files["reward.py"], [trajectories])
        result = bench.executor.run(job, folder / EXPLANATION, lambda _: None)
        if result.status is Status.OK:
            explained = read_explained(result.content, played.episodes)
    return [_of_policy(k, bench, played, scored, analysed, explained) for k in range(len(batch.seeds))]


def analyse(bench: Workbench, played: Played, scored: Scored, folder: Path) -> Analysed:
    """Sum up the best and the worst episode of each policy while their trajectories are there. Raises SandboxError."""
    table = bench.table
    spec = {
        "index": [list(part) for part in played.index],
        "fitness": list(scored.fitness),
        "fields": [field.model_dump(mode="json", include={"name", "components", "low", "high"}) for field in table.fields],
        "action_low": list(table.action.low),
        "action_high": list(table.action.high),
        "step_limit": table.episode_steps,
    }
    files: dict[str, bytes | Path] = {TRAJECTORIES: folder / "rollout" / TRAJECTORIES}
    result = bench.executor.run(Job("analyse", spec, files, bench.limits(CPU_S)), folder / ANALYSIS, lambda _: None)
    if result.status is not Status.OK:
        raise SandboxError(f"summing up the episodes in {folder} failed ({result.status}): {result.error}")
    return read_analysed(result.content)


def explain_job(bench: Workbench, entry: str, source: bytes | Path, episodes: Sequence[Path]) -> Job:
    """Describe the job that has a reward pay episodes that were played without it."""
    table = bench.table
    spec = {
        "entry": entry,
        "parts": len(episodes),
        "fields": [field.model_dump(mode="json", include=FIELD_FACTS) for field in table.fields],
        "dt_s": table.dt_s,
        "step_limit": table.episode_steps,
        "gamma": bench.config.training.gamma,
    }
    files: dict[str, bytes | Path] = {f"episodes-{k}.safetensors": path for k, path in enumerate(episodes)}
    return Job("explain", spec, {"reward.py": source, **files}, bench.limits(CPU_S))


def stored_analysis(run_folder: Path, trial: Trial) -> Analysed | None:
    """Return what was summed up of a trial's episodes, or None."""
    ended = stored_result(run_folder / trial.folder / ANALYSIS, identity=None)
    return read_analysed(ended.content) if ended and ended.status is Status.OK else None


def _of_policy(
    policy: int, bench: Workbench, played: Played, scored: Scored, analysed: Analysed, explained: Explained | None
) -> Evidence:
    mine = _episodes_of(policy, played)
    lengths = [scored.length[k] * bench.table.dt_s for k in mine]
    extremes = analysed.policies[policy] if policy < len(analysed.policies) else None
    return Evidence(
        terms=_terms(explained, mine, scored) if explained else (),
        pinned=analysed.pinned[policy] if policy < len(analysed.pinned) else 0.0,
        shortest_s=min(lengths),
        longest_s=max(lengths),
        worst_events=_events(extremes.worst) if extremes else (),
        best_events=_events(extremes.best) if extremes else (),
    )


def _episodes_of(policy: int, played: Played) -> list[int]:
    """Return the places of a policy's episodes, of all its checkpoints."""
    at, mine = 0, []
    for part in played.index:
        mine += list(range(at, at + part.episodes)) if part.policy == policy else []
        at += part.episodes
    return mine


def _terms(explained: Explained, mine: Sequence[int], scored: Scored) -> tuple[TermEvidence, ...]:
    """Hold each term's mean in the policy's episodes against their fitness."""
    fitness = [scored.fitness[k] for k in mine]
    means = {term.name: [term.episodes[k] for k in mine] for term in explained.terms}
    sizes = {name: sum(abs(value) for value in values) for name, values in means.items()}
    largest = max(sizes.values()) or 1.0
    total = sum(size / largest for size in sizes.values()) or 1.0
    return tuple(
        TermEvidence(
            name=one_line(term.name, 60),
            share=sizes[term.name] / largest / total,
            correlation=correlation(means[term.name], fitness),
            saturated=term.saturated,
        )
        for term in explained.terms[:MAX_TERMS]
    )


def _events(episode: Episode) -> tuple[str, ...]:
    return tuple(f"step {event.step}: {one_line(event.text, 200)}" for event in episode.events[:MAX_EVENTS])
