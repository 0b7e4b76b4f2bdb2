"""What a run will ask of its model, counted before it begins and held against what it then asks."""

from __future__ import annotations

import pytest

from designer.call_forecast import count_calls, told_calls
from designer.executors.fake import Fake
from designer.llm.scripted import Scripted
from tests.designer.cheetah_table import cheetah_table
from tests.designer.small_run import config, small_run, task
from tests.designer.test_judges import BAD, Model
from tests.designer.test_loop import attempt

MODEL = {"provider": "openai", "model": "big"}


@pytest.mark.parametrize("critic", [0, 1, 2])
@pytest.mark.parametrize("content", [True, False])
def test_run_asks_within_its_forecast(tmp_path, critic, content):
    settings = {"search": {"rounds": 3, "population": 5}, "llm": {"critic": critic, "analyst": True}}
    llm = Scripted(Model() if content else Model(critic=BAD))
    attempt(small_run(tmp_path, **settings), Fake(), llm)
    forecast = count_calls(config(**{**settings, "llm": {**settings["llm"], **MODEL}}), has_fitness=True)
    assert forecast.least <= llm.calls <= forecast.most


def test_composer_and_baselines_ask_nobody():
    assert count_calls(config(), True).most == 0
    assert count_calls(config(llm=MODEL, search={"rounds": 0}), True).most == 0
    assert told_calls(task(), cheetah_table(), config()) == "Model calls: none."


def test_missing_fitness_is_counted():
    given, missing = (count_calls(config(llm=MODEL), has_fitness) for has_fitness in (True, False))
    assert (missing.least - given.least, missing.most - given.most) == (1, 3)


def test_cost_is_told_where_a_price_is_known_and_unknown_elsewhere(tmp_path):
    table = tmp_path / "prices.toml"
    table.write_text('[big]\ninput = 1\noutput = 10\ncurrency = "EUR"\n')
    priced = told_calls(task(), cheetah_table(), config(llm={**MODEL, "prices": table}))
    assert "EUR" in priced
    other = told_calls(task(), cheetah_table(), config(llm={**MODEL, "model": "small", "prices": table}))
    assert "Cost: unknown" in other
