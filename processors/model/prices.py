"""What a model call cost: from a table of one's own first, else from a dated catalogue [154]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

import genai_prices
from genai_prices.types import ModelPrice, TieredPrices

from runfold.events.base import money
from runfold.events.values import PriceSnapshot, Usage

_MILLION = Decimal(1_000_000)
_RATES = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")


@dataclass(frozen=True, slots=True)
class Priced:
    """A cost in US dollars and the prices it was computed with; both None if none are known."""

    cost: Decimal | None = None
    price: PriceSnapshot | None = None


UNPRICED = Priced()
"""No price is known: which is not the same as costing nothing."""


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices of one's own, US dollars per million tokens, by ``provider:model`` pattern.

    A name beats a pattern (``vllm:*``), an earlier pattern a later one.
    """

    entries: tuple[tuple[str, Mapping[str, Decimal]], ...] = ()

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> PriceTable:
        """Read ``{pattern: {input_mtok, output_mtok[, cache_read_mtok, cache_write_mtok]}}``.

        Raises ValueError naming the entry that is wrong.
        """
        return cls(tuple((pattern, _rates(pattern, spec)) for pattern, spec in document.items()))

    def find(self, model: str) -> Mapping[str, Decimal] | None:
        """Return the rates for a ``provider:model`` name, or None."""
        exact = dict(self.entries).get(model)
        if exact is not None:
            return exact
        return next((rates for p, rates in self.entries if fnmatchcase(model, p)), None)

    def price(self, model: str, usage: Usage, at: datetime) -> Priced | None:
        """Return the cost by this table; None where it does not know the model."""
        rates = self.find(model)
        if rates is None:
            return None
        source = f"table, {at.date().isoformat()}"
        snapshot = PriceSnapshot(source=source, model=model, **rates)
        plain = max(0, usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens)
        total = (
            plain * rates["input_mtok"]
            + usage.cache_read_tokens * rates.get("cache_read_mtok", rates["input_mtok"])
            + usage.cache_write_tokens * rates.get("cache_write_mtok", rates["input_mtok"])
            + usage.output_tokens * rates["output_mtok"]
        )
        return Priced(money(total / _MILLION), snapshot)


def _rates(pattern: str, spec: object) -> Mapping[str, Decimal]:
    wrong = (
        f"the price of {pattern!r} needs input_mtok and output_mtok, and may have cache_read_mtok "
        "and cache_write_mtok: US dollars per million tokens"
    )
    if not isinstance(spec, dict) or not {"input_mtok", "output_mtok"} <= spec.keys():
        raise ValueError(wrong)
    try:
        rates = {name: money(str(value)) for name, value in spec.items()}
    except (ValueError, ArithmeticError) as error:
        raise ValueError(wrong) from error
    known = rates.keys() <= set(_RATES)
    if not known or not all(rate.is_finite() and rate >= 0 for rate in rates.values()):
        raise ValueError(wrong)
    return rates


def from_catalogue(
    model: str, usage: Usage, at: datetime, *, provider: str | None, address: str
) -> Priced:
    """Return the cost by the catalogue of genai-prices as of ``at``.

    ``provider`` is the catalogue's own id; without it the provider is recognised by its
    address. A self-hosted server is in no catalogue, so its calls are unpriced.
    """
    counted = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=min(usage.cache_read_tokens, usage.input_tokens),
        cache_write_tokens=min(
            usage.cache_write_tokens, max(0, usage.input_tokens - usage.cache_read_tokens)
        ),
    )
    try:
        if provider is not None:
            found = genai_prices.calc_price(
                counted, model, provider_id=provider, genai_request_timestamp=at
            )
        else:
            found = genai_prices.calc_price(
                counted, model, provider_api_url=address, genai_request_timestamp=at
            )
    except (LookupError, ValueError):
        return UNPRICED
    prices = found.model_price
    if prices.input_mtok is None or prices.output_mtok is None:
        return UNPRICED
    snapshot = PriceSnapshot(
        source=f"genai-prices {genai_prices.__version__}, {at.date().isoformat()}",
        model=found.model.id,
        **{name: _rate(prices, name, usage.input_tokens) for name in _RATES},
    )
    return Priced(money(found.total_price), snapshot)


def _rate(prices: ModelPrice, name: str, input_tokens: int) -> Decimal | None:
    """Return the rate that applied: some models cost more from a number of input tokens on."""
    value: Decimal | TieredPrices | None = getattr(prices, name)
    if not isinstance(value, TieredPrices):
        return value
    reached = [tier.price for tier in value.tiers if input_tokens > tier.start]
    return reached[-1] if reached else value.base
