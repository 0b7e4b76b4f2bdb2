"""How many model calls, tokens and how much money a run will take: counted from its settings, priced where a price is known."""

from __future__ import annotations

from typing import NamedTuple

from designer.bundle import bundle_root
from designer.config import Config
from designer.llm import about_tokens
from designer.llm.prices import price_file, price_of, read_prices
from designer.llm.scripted import Scripted
from designer.prompts import Prompts
from designer.proposers import Brief, Slot
from designer.proposers.llm import LanguageModel
from designer.records import StateTable, Task, Verb
from designer.search.planning import descent_verb
from designer.spending import USUAL_REPLY_TOKENS

CRITIC_PROBES = ANALYST_PROBES = VIEWER_PROBES = 4
RATER_PROBES = 8
ORDERS = 2
FITNESS_DRAFTS = 3


class Calls(NamedTuple):
    """Model calls of a run, at least and at most."""

    least: int
    most: int


def count_calls(config: Config, has_fitness: bool) -> Calls:
    """Count a run's model calls. `tune` asks no model; a repair or what a critic sends back may or may not come."""
    search, llm = config.search, config.llm
    if llm.provider == "composer" or not search.rounds:
        return Calls(0, 0)
    fresh = round(search.fresh * search.population)
    descents = [descent_verb(turn) for turn in range(search.population - fresh)]
    asked = sum(verb is not Verb.TUNE for verb in descents)
    later = search.rounds - 1
    proposals = search.population + later * (fresh + asked)
    candidates = search.rounds * search.population
    least, most = proposals, proposals + candidates * llm.repairs
    if llm.critic:
        least += CRITIC_PROBES + candidates
        most += CRITIC_PROBES + 2 * candidates * llm.critic
    if llm.analyst and not config.by_people_alone and later and descents:
        least += ANALYST_PROBES + later
        most += ANALYST_PROBES + later * min(2, len(descents))
    if llm.frames and later and descents:
        least += VIEWER_PROBES + later
        most += VIEWER_PROBES + later * min(2, len(descents))
    if config.feedback.source == "ranking" and config.feedback.rater == "model":
        ranking = RATER_PROBES + search.rounds * config.feedback.answers * ORDERS
        least, most = least + ranking, most + ranking
    return Calls(least + (not has_fitness), most + FITNESS_DRAFTS * (not has_fitness))


def told_calls(task: Task, table: StateTable, config: Config) -> str:
    """Say what a run will ask of its model, and cost. An unknown price is unknown, never zero."""
    calls = count_calls(config, task.fitness is not None)
    if not calls.most:
        return "Model calls: none."
    tokens = _prompt_tokens(task, table)
    text = (
        f"Model calls: {calls.least} to {calls.most} (at most {config.llm.max_calls} by llm.max_calls), "
        f"about {tokens:,} prompt tokens each or more in later rounds, and {USUAL_REPLY_TOKENS:,} for a usual reply: "
        f"{calls.least * (tokens + USUAL_REPLY_TOKENS):,} to {calls.most * (tokens + USUAL_REPLY_TOKENS):,} tokens."
    )
    price = price_of(read_prices(price_file(config.llm.prices)), config.llm.model or config.llm.provider)
    if price is None:
        model = config.llm.model or config.llm.provider
        return f"{text}\nCost: unknown ({price_file(config.llm.prices)} has no price for {model})."
    each = price.of(tokens, USUAL_REPLY_TOKENS)
    return (
        f"{text}\nCost: about {calls.least * each:.3g} to {calls.most * each:.3g} {price.currency}, nothing taken from a cache."
    )


def _prompt_tokens(task: Task, table: StateTable) -> int:
    """Measure a first prompt of this task, roughly."""
    folder = bundle_root() / "prompts"
    system = Prompts(folder).render("system.j2")
    proposer = LanguageModel(Scripted([]), folder)
    brief = Brief(task, table, (), 0)
    return about_tokens(system + proposer.prompt(brief, Slot(round=1, sample=0, verb=Verb.INIT)))
