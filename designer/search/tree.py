"""Tree search over rewards, after RF-Agent (2026): UCT picks a node, its next unused action makes the child.

    value of a node    VALUE_KEEP of its best child's value and the rest of its own score, scores ranked to 0..1
    choice             value + c sqrt(ln(visits of the parent) / visits), c falling from 0.4 to 0.1 over the search
    actions            two mutations, two tunings, two crossovers with the elite, one simplification, one fresh thought

Candidates are made one round at a time so that boxes stay busy: a round's slots are chosen one after the other, each taking the
slots before it as visits. Round 1 are the roots.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from designer.archive import Archive
from designer.config import SearchConfig
from designer.proposers import Slot
from designer.records import Candidate, Verb
from designer.search import Action
from designer.search.planning import affords, finals_or_stop, fresh_slots, plain_round
from designer.statistics import ranks

ACTIONS = (
    *(Verb.MUTATE, Verb.TUNE, Verb.CROSSOVER, Verb.MUTATE),
    *(Verb.TUNE, Verb.CROSSOVER, Verb.SIMPLIFY, Verb.INIT),
)
EXPLORE_FIRST, EXPLORE_LAST = 0.4, 0.1
VALUE_KEEP = 0.7
MAX_DEPTH = 16


class Tree:
    """Implements `Search`."""

    name = "tree"

    def __init__(self, config: SearchConfig, baselines: tuple[str, ...]) -> None:
        self._config = config
        self._baselines = baselines

    def next(self, archive: Archive) -> Action:
        for round_ in range(1, self._config.rounds + 1):
            begun = bool(archive.in_round(round_)) or round_ == 1
            if not begun and not affords(archive, self._config, self._config.population):
                break
            action = plain_round(archive, self._config, round_, self._slots)
            if action:
                return action
        finalists = [c.id for c in archive.ranked()[: self._config.finalists]]
        return finals_or_stop(archive, self._config, self._baselines, finalists)

    def _slots(self, archive: Archive, round_: int) -> list[Slot]:
        """Plan a round: the tree of the earlier rounds, descended once for every slot."""
        known = [c for earlier in range(1, round_) for c in archive.in_round(earlier)]
        if not any(archive.search_score(c.id) is not None for c in known):
            return fresh_slots(round_, range(self._config.population))
        tree = _Nodes(archive, known)
        explore = EXPLORE_FIRST + (EXPLORE_LAST - EXPLORE_FIRST) * (round_ - 1) / max(1, self._config.rounds - 1)
        return [tree.expand(round_, sample, explore) for sample in range(self._config.population)]


class _Nodes:
    """The tree as it stands, with the children that this round has planned but not yet made."""

    def __init__(self, archive: Archive, known: list[Candidate]) -> None:
        scored = [c for c in known if archive.search_score(c.id) is not None]
        scores = [archive.search_score(c.id) or 0.0 for c in scored]
        self._rank = {c.id: rank / len(scored) for c, rank in zip(scored, ranks(scores), strict=True)}
        self._elite = max(scored, key=lambda c: (self._rank[c.id], -c.round, -c.sample)).id
        self._children: dict[str, list[str]] = {}
        self._used: dict[str, int] = {}
        self._roots = [c.id for c in scored if not c.parents or c.parents[0] not in self._rank]
        for candidate in known:
            for parent in candidate.parents[:1]:
                self._used[parent] = self._used.get(parent, 0) + 1
                if candidate.id in self._rank:
                    self._children.setdefault(parent, []).append(candidate.id)

    def expand(self, round_: int, sample: int, explore: float) -> Slot:
        """Choose a node with an unused action, and plan its child."""
        node, depth = self._descend(self._roots, explore), 1
        while node is not None and self._full(node) and depth < MAX_DEPTH:
            node, depth = self._descend(self._children.get(node, []), explore), depth + 1
        chosen = node if node is not None else self._elite
        verb = ACTIONS[self._used.get(chosen, 0) % len(ACTIONS)]
        self._used[chosen] = self._used.get(chosen, 0) + 1
        return _child(round_, sample, verb, chosen, self._elite)

    def _full(self, node: str) -> bool:
        """Say whether a node has had as many children as there are actions, and one of them can be gone on from."""
        return self._used.get(node, 0) >= len(ACTIONS) and bool(self._children.get(node))

    def _descend(self, nodes: list[str], explore: float) -> str | None:
        if not nodes:
            return None
        visits = {node: self._visits(node) for node in nodes}
        total = sum(visits.values())
        return max(nodes, key=lambda node: (self._uct(node, visits, total, explore), node))

    def _uct(self, node: str, visits: Mapping[str, int], total: int, explore: float) -> float:
        return self._value(node) + explore * math.sqrt(math.log(total + 1) / visits[node])

    def _visits(self, node: str) -> int:
        return 1 + self._used.get(node, 0) + sum(self._visits(child) for child in self._children.get(node, []))

    def _value(self, node: str) -> float:
        children = [self._value(child) for child in self._children.get(node, [])]
        own = self._rank[node]
        return VALUE_KEEP * max(children) + (1 - VALUE_KEEP) * own if children else own


def _child(round_: int, sample: int, verb: Verb, parent: str, elite: str) -> Slot:
    """Plan what an action makes of a node. A fresh thought has no parents; the elite isn't crossed with itself."""
    if verb is Verb.INIT:
        return Slot(round=round_, sample=sample, verb=verb)
    if verb is Verb.CROSSOVER and parent == elite:
        verb = Verb.MUTATE
    parents = (parent, elite) if verb is Verb.CROSSOVER else (parent,)
    return Slot(round=round_, sample=sample, verb=verb, parents=parents)
