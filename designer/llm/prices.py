"""What a call costs: a table that the user edits. A cost that can't be known is None, never zero."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, ValidationError

from designer.errors import ConfigError
from designer.llm import Reply
from designer.records import Record

SHIPPED = Path(__file__).with_name("prices.toml")
PER = 1_000_000


class Price(Record):
    """A model's price for a million tokens. `cached_input` is `input` where it isn't given."""

    currency: str = "USD"
    input: float = Field(ge=0)
    cached_input: float | None = Field(None, ge=0)
    output: float = Field(ge=0)

    def of(self, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> float:
        """Return what these tokens cost. Cached tokens are part of the prompt's."""
        cached = self.input if self.cached_input is None else self.cached_input
        fresh = prompt_tokens - cached_tokens
        return (fresh * self.input + cached_tokens * cached + completion_tokens * self.output) / PER


Prices = Mapping[str, Price]


def price_file(configured: Path | None) -> Path:
    """Return the table to read: the setting, the user's own, or the shipped one, which is empty."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "designer" / "prices.toml"
    return configured or (home if home.is_file() else SHIPPED)


def read_prices(path: Path) -> Prices:
    """Read a price table. Raises ConfigError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: Price.model_validate(entry) for name, entry in table.items()}
    except OSError as error:
        raise ConfigError(f"llm.prices = {path} can't be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "an entry"
        raise ConfigError(f"{path}: {where}: {first['msg']}. An entry has input, output, cached_input and currency.") from None


def price_of(prices: Prices, *models: str) -> Price | None:
    """Return the first named model's price: its own entry, else the longest one that ends in * and fits."""
    for model in models:
        if model in prices:
            return prices[model]
        fitting = [name for name in prices if name.endswith("*") and model.startswith(name[:-1])]
        if fitting:
            return prices[max(fitting, key=len)]
    return None


def cost_of(price: Price | None, reply: Reply) -> float | None:
    """Return what a reply cost, or None where its price or its tokens are unknown."""
    if price is None or reply.prompt_tokens is None or reply.completion_tokens is None:
        return None
    return price.of(reply.prompt_tokens, reply.completion_tokens, min(reply.cached_tokens or 0, reply.prompt_tokens))
