"""What calls cost and when the next one is refused: unknown stays unknown, and caps count it by estimate."""

from __future__ import annotations

import pytest

from designer.config import Config, LlmConfig
from designer.errors import BudgetSpentError, ConfigError
from designer.journal import CallFinished
from designer.llm import Reply
from designer.llm.prices import SHIPPED, Price, cost_of, price_of, read_prices
from designer.modelling import require_model
from designer.spending import refuse_overspending, spending

PRICE = Price(input=1.0, cached_input=0.1, output=10.0)


def call(prompt=1000, completion=100, cost=None, **more) -> CallFinished:
    about = {"about_prompt_tokens": 900, "about_completion_tokens": 90}
    return CallFinished(key="k", model="m", prompt_tokens=prompt, completion_tokens=completion, cost=cost, **about, **more)


def refused(spent, prompt_tokens=1000, in_flight=(), price=None, **limits) -> str:
    try:
        refuse_overspending(LlmConfig(**limits), spent, in_flight, prompt_tokens, price)
    except BudgetSpentError as error:
        return str(error)
    return ""


def test_cost_counts_cached_tokens_at_their_own_price():
    reply = Reply(text="", model="m", prompt_tokens=1_000_000, completion_tokens=100_000, cached_tokens=400_000)
    assert cost_of(PRICE, reply) == pytest.approx(0.6 + 0.04 + 1.0)
    assert cost_of(PRICE.model_copy(update={"cached_input": None}), reply) == pytest.approx(2.0)


@pytest.mark.parametrize("tokens", [{}, {"prompt_tokens": 5}, {"completion_tokens": 5}])
def test_unknown_tokens_or_price_make_the_cost_unknown(tokens):
    assert cost_of(PRICE, Reply(text="", model="m", **tokens)) is None
    assert cost_of(None, Reply(text="", model="m", prompt_tokens=1, completion_tokens=1)) is None


def test_sums_are_unknown_as_soon_as_one_call_is_and_estimates_never():
    known = spending(2, [call(cost=0.5), call(cost=0.25, cached_tokens=3)])
    assert (known.prompt_tokens, known.completion_tokens, known.cost, known.about_tokens) == (2000, 200, 0.75, 2200)
    assert known.cached_tokens is None
    partly = spending(2, [call(cost=0.5), call(prompt=None)], PRICE)
    assert (partly.prompt_tokens, partly.cost) == (None, None)
    assert partly.about_tokens == 1100 + 900 + 100
    assert partly.about_cost == pytest.approx(0.5 + PRICE.of(900, 100))


def test_call_that_fits_is_made():
    assert refused(spending(1, [call()]), max_calls=2, max_tokens=2200) == ""


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_calls": 1}, "max_calls = 1"),
        ({"max_tokens": 2199}, "max_tokens = 2199 (1100 used)"),
        ({"max_cost": 0.003}, "max_cost"),
    ],
)
def test_call_that_would_break_a_cap_is_refused(limits, said):
    assert said in refused(spending(1, [call(cost=0.002)]), price=PRICE, **limits)


def test_calls_in_flight_count_against_the_cap():
    spent = spending(2, [call()])
    assert refused(spent, max_tokens=3300, in_flight=[1000]) == ""
    assert refused(spent, max_tokens=3299, in_flight=[1000])


def test_shipped_table_is_empty_because_prices_change():
    assert read_prices(SHIPPED) == {}


def test_prices_are_found_by_name_then_by_the_longest_beginning(tmp_path):
    table = tmp_path / "prices.toml"
    table.write_text('["a-big"]\ninput = 1\noutput = 2\n["a*"]\ninput = 3\noutput = 4\n["a-s*"]\ninput = 5\noutput = 6\n')
    prices = read_prices(table)
    assert [price_of(prices, name).input for name in ("a-big", "a-bigger", "a-small")] == [1, 3, 5]
    assert price_of(prices, "b") is None
    assert price_of(prices, "b", "a-big").input == 1


@pytest.mark.parametrize("text", ["[m]\ninput = -1\noutput = 1\n", "[m]\ninput = 1\n", "[m]\ninptu = 1\n", "m = 3\n", "["])
def test_broken_table_is_named(tmp_path, text):
    table = tmp_path / "prices.toml"
    table.write_text(text)
    with pytest.raises(ConfigError, match=r"prices\.toml"):
        read_prices(table)


def test_cap_on_money_without_a_price_is_refused_before_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    llm = {"provider": "openai", "model": "m", "base_url": "http://127.0.0.1:1/v1", "max_cost": 1.0}
    with pytest.raises(ConfigError, match="no price for m"):
        require_model(Config.model_validate({"llm": llm}))
