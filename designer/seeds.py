"""Seeds, derived from the run's: search, final and evaluation seeds never meet.

A block of SPAN numbers belongs to each run seed. Training seeds of the search and of the finals come from disjoint parts of
it, and so do the seeds of the episodes that judge them.
"""

from __future__ import annotations

from designer.records import Purpose

SPAN = 10_000
SEARCH, CONFIRM, FINAL, SEARCH_EPISODES, FINAL_EPISODES, RANDOM_PLAY, CLIP = 1, 100, 1_000, 5_000, 6_000, 8_000, 9_000


def search_seed(run_seed: int) -> int:
    """Return the training seed that every candidate shares in the search (common random numbers)."""
    return run_seed * SPAN + SEARCH


def confirm_seeds(run_seed: int, count: int) -> tuple[int, ...]:
    """Return training seeds that the best of a round are tried again on: neither the search's first nor the finals'."""
    return tuple(run_seed * SPAN + CONFIRM + k for k in range(count))


def final_seeds(run_seed: int, count: int) -> tuple[int, ...]:
    """Return training seeds that no search trial used."""
    return tuple(run_seed * SPAN + FINAL + k for k in range(count))


def episode_seed(run_seed: int, purpose: Purpose) -> int:
    """Return the seed of the episodes that judge a policy: other ones in the finals than in the search."""
    return run_seed * SPAN + (SEARCH_EPISODES if purpose == "search" else FINAL_EPISODES)


def random_play_seed(run_seed: int) -> int:
    """Return the seed of random play: measured ranges and the probe's transitions."""
    return run_seed * SPAN + RANDOM_PLAY


def clip_seed(run_seed: int) -> int:
    """Return the seed of the filmed episode, the same for every clip of a run."""
    return run_seed * SPAN + CLIP
