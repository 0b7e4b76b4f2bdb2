"""HERON's reward: trained on comparisons of the run's rollouts by the task's order of factors, and written as a reward's code.

From the second round on it takes the first place of a round that is written anew; all others are the run's proposer's.
"""

from __future__ import annotations

from designer.preferences.hierarchy import Point, Trained, trained
from designer.proposers import Brief, Draft, Proposer, Slot
from designer.proposers.composer.render import docstring
from designer.proposers.torch_code import torch_code
from designer.records import Fault, Verb

AUTHOR = "heron"


class Heron:
    """Implements `Proposer` around another one."""

    def __init__(self, inner: Proposer) -> None:
        self.name = inner.name
        self._inner = inner

    def propose(self, brief: Brief, slot: Slot) -> Draft:
        """Write the order's reward where this is its place and the rollouts tell enough."""
        its_place = slot.verb is Verb.INIT and slot.sample == 0 and slot.round > 1
        found = trained(brief.task.order, rollouts(brief)) if its_place else None
        return written(brief, found) if found else self._inner.propose(brief, slot)

    def repair(self, brief: Brief, slot: Slot, draft: Draft, faults: tuple[Fault, ...], attempt: int) -> Draft | None:
        """Leave a trained reward as it is; have others mended."""
        return None if draft.author == AUTHOR else self._inner.repair(brief, slot, draft, faults, attempt)


def rollouts(brief: Brief) -> list[Point]:
    """Return every policy that was judged so far, at each of its checkpoints: the mean of each factor."""
    trials = {trial.key: trial for entry in brief.entries for trial in entry.trials}
    return [point for key in sorted(trials) for point in trials[key].factors]


def written(brief: Brief, found: Trained) -> Draft:
    """Write a trained reward as code: a term a factor, without those that came to nothing."""
    order = brief.task.order
    paid = [(factor, weight) for factor, weight in zip(order, found.weights, strict=True) if weight]
    lines = [docstring(brief.task.text)]
    lines += [f"{factor.name}_weight = {float(f'{weight:.4g}')!r}" for factor, weight in paid]
    lines += [f"{f.name} = {f.name}_weight * ({torch_code(f.value.tree, brief.table)})" for f, _ in paid]
    lines.append("return {" + ", ".join(f'"{factor.name}": {factor.name}' for factor, _ in paid) + "}")
    body = "\n".join(f"    {line}" if line else "" for text in lines for line in text.splitlines())
    head = "import torch\nfrom torch import Tensor\n\n\ndef reward(s: State, a: Tensor) -> dict[str, Tensor]:\n"
    return Draft(source=f"{head}{body}\n", why=_why(brief, found), expects=_expects(brief, found), author=AUTHOR)


def _why(brief: Brief, found: Trained) -> str:
    names = [factor.name for factor in brief.task.order]
    pairs = sum(found.decided)
    decided = ", ".join(f"{name} {count / pairs:.0%}" for name, count in zip(names, found.decided, strict=True))
    shares = ", ".join(f"{name} {share:.3g}" for name, share in zip(names, found.shares, strict=True))
    return (
        f"Trained on {pairs} comparisons of {found.rollouts} rollouts by the order {' > '.join(names)} (decided by {decided}). "
        f"Weights, each by its factor's spread: {shares}. It orders {found.agrees:.0%} of the pairs as the order does."
    )


def _expects(brief: Brief, found: Trained) -> str:
    first = max(zip(found.shares, (factor.name for factor in brief.task.order), strict=True))[1]
    return f"{first} rises over the training; the others follow where it costs it little."
