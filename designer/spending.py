"""What model calls have cost so far, and whether the next one may still be made. Pure: a fold of the journal's call events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from designer.config import LlmConfig
from designer.errors import BudgetSpentError
from designer.journal import CallFinished
from designer.llm.prices import Price

USUAL_REPLY_TOKENS = 2000
"""Expected of a reply while none was seen."""


class Spending(NamedTuple):
    """Model calls so far. A None is unknown: at least one call didn't say.

    about_tokens and about_cost count every call, by estimate where the endpoint said nothing: for caps and forecasts only.
    """

    calls: int
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    cost: float | None
    about_tokens: int
    about_cost: float | None


def spending(started: int, calls: Iterable[CallFinished], price: Price | None = None) -> Spending:
    """Sum up a run's calls. `price` serves the estimates; costs that are known were stored with each call."""
    done = list(calls)
    estimates = [_estimated(call) for call in done]
    known = [call.cost for call in done]
    about = [_about_cost(call, price) for call in done]
    return Spending(
        calls=started,
        prompt_tokens=_sum(call.prompt_tokens for call in done),
        completion_tokens=_sum(call.completion_tokens for call in done),
        cached_tokens=_sum(call.cached_tokens for call in done),
        reasoning_tokens=_sum(call.reasoning_tokens for call in done),
        cost=_sum_cost(known),
        about_tokens=sum(prompt + completion for prompt, completion in estimates),
        about_cost=_sum_cost(about),
    )


def refuse_overspending(
    limits: LlmConfig, spent: Spending, in_flight: Iterable[int], prompt_tokens: int, price: Price | None
) -> None:
    """Raise BudgetSpentError where one more call could break a cap. `in_flight`: prompt tokens of calls still open.

    A reply's length is unknown before it comes: each open call counts with an average reply, so a cap can be overrun by no
    more than what the last replies are longer than that.
    """
    if spent.calls >= limits.max_calls:
        raise BudgetSpentError(f"llm.max_calls = {limits.max_calls} model calls are used up")
    open_calls = [*in_flight, prompt_tokens]
    replies = max(1, spent.calls - len(open_calls) + 1)
    reply_tokens = (spent.completion_tokens or 0) // replies or USUAL_REPLY_TOKENS
    if limits.max_tokens is not None:
        needed = spent.about_tokens + sum(open_calls) + reply_tokens * len(open_calls)
        if needed > limits.max_tokens:
            used = f"{spent.about_tokens} used"
            raise BudgetSpentError(f"the next call would break llm.max_tokens = {limits.max_tokens} ({used})")
    if limits.max_cost is not None and price is not None:
        needed_cost = (spent.about_cost or 0.0) + sum(price.of(tokens, reply_tokens) for tokens in open_calls)
        if needed_cost > limits.max_cost:
            used = f"{spent.about_cost or 0.0:.4g} {price.currency}"
            raise BudgetSpentError(f"the next call would break llm.max_cost = {limits.max_cost:g} ({used} used)")


def _estimated(call: CallFinished) -> tuple[int, int]:
    prompt = call.about_prompt_tokens if call.prompt_tokens is None else call.prompt_tokens
    completion = call.about_completion_tokens if call.completion_tokens is None else call.completion_tokens
    return prompt, completion


def _about_cost(call: CallFinished, price: Price | None) -> float | None:
    if call.cost is not None or price is None:
        return call.cost
    return price.of(*_estimated(call))


def _sum(numbers: Iterable[int | None]) -> int | None:
    total = 0
    for number in numbers:
        if number is None:
            return None
        total += number
    return total


def _sum_cost(costs: list[float | None]) -> float | None:
    return None if None in costs else sum(cost for cost in costs if cost is not None)
