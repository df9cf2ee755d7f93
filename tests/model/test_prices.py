from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from runfold.events.values import Usage
from runfold.processors.model.prices import PriceTable, from_catalogue
from runfold.processors.model.providers.settings import ModelSettings, SettingsError
from tests.model.given import call, script, settings, work
from tests.model.server import Answer, Provider, chat

AT = datetime(2026, 11, 21, tzinfo=UTC)
USAGE = Usage(input_tokens=1000, output_tokens=200, cache_read_tokens=400, cache_write_tokens=100)


@pytest.mark.parametrize(
    ("provider", "model", "usage", "cost"),
    [
        # 600 at $2.50, 400 read at $1.25, 200 out at $10 a million
        (
            "openai",
            "gpt-4o",
            Usage(input_tokens=1000, output_tokens=200, cache_read_tokens=400),
            "0.004000000000",
        ),
        # 500 at $3, 400 read at $0.30, 100 written at $3.75, 200 out at $15 a million
        ("anthropic", "claude-sonnet-4-5", USAGE, "0.004995000000"),
        # beyond 200,000 tokens all of them cost $6
        ("anthropic", "claude-sonnet-4-5", Usage(input_tokens=200_001), "1.200006000000"),
    ],
)
def test_cost_by_hand(provider: str, model: str, usage: Usage, cost: str) -> None:
    found = from_catalogue(model, usage, AT, provider=provider, address="")
    assert str(found.cost) == cost


def test_the_snapshot_names_the_prices_that_applied() -> None:
    found = from_catalogue(
        "claude-sonnet-4-5",
        Usage(input_tokens=200_001),
        AT,
        provider="anthropic",
        address="",
    )
    assert found.price is not None
    assert found.price.source.startswith("genai-prices 0.")
    assert found.price.source.endswith(", 2026-11-21")
    assert (found.price.input_mtok, found.price.cache_read_mtok) == (Decimal(6), Decimal("0.6"))


@pytest.mark.parametrize(
    ("provider", "address"),
    [("openai", ""), ("no-such-provider", ""), (None, "http://127.0.0.1:8000/v1")],
)
def test_what_no_catalogue_knows_is_unpriced_not_free(provider: str | None, address: str) -> None:
    found = from_catalogue("house-model", USAGE, AT, provider=provider, address=address)
    assert (found.cost, found.price) == (None, None)


def test_a_self_hosted_server_is_not_billed_at_the_vendors_prices(
    openai: Provider, both: ModelSettings
) -> None:
    openai.will(Answer(body=chat("ok")))
    found = call(work(), both)
    assert found.usage is not None
    assert (found.cost, found.price) == (None, None)


def test_a_table_of_ones_own_prices_it(openai: Provider) -> None:
    openai.will(Answer(body=chat("ok")))
    table = '{"openai:*": {input_mtok: 2, output_mtok: 10, cache_read_mtok: 0.5}}'
    found = call(work(), settings(OPENAI_BASE_URL=openai.address, RUNFOLD_PRICES=table))
    # 600 at $2, 400 read at $0.50, 200 out at $10 a million
    assert found.cost == Decimal("0.0034")
    assert found.price is not None
    assert found.price.source.startswith("table, ")
    assert found.price.model == "openai:gpt-4o"


def test_scripted_calls_are_unpriced_unless_the_table_names_them(tmp_path: Path) -> None:
    model_script = script({"text": "hi", "usage": {"input_tokens": 1_000_000, "output_tokens": 1}})
    given = work(model="scripted:demo")
    assert call(given, settings(), model_script).cost is None
    table = tmp_path / "prices.yaml"
    table.write_text('"scripted:*": {input_mtok: 0.25, output_mtok: 2}\n')
    assert call(given, settings(RUNFOLD_PRICES=str(table)), model_script).cost == Decimal(
        "0.250002"
    )


def test_a_name_beats_a_pattern_and_an_earlier_pattern_a_later_one() -> None:
    rate = {"output_mtok": 0}
    table = PriceTable.of(
        {
            "vllm:*": {"input_mtok": 1, **rate},
            "*": {"input_mtok": 2, **rate},
            "vllm:big": {"input_mtok": 3, **rate},
        }
    )
    found = [table.find(name) for name in ("vllm:small", "x:y", "vllm:big")]
    assert [rates["input_mtok"] for rates in found if rates] == [1, 2, 3]


@pytest.mark.parametrize(
    "spec",
    [
        "{x: {input_mtok: 1}}",
        "{x: 3}",
        "{x: {input_mtok: 1, output_mtok: cheap}}",
        "{x: {input_mtok: 1, output_mtok: -1}}",
        "{x: {input_mtok: 1, output_mtok: .nan}}",
        "{x: {input_mtok: 1, output_mtok: 1, per_call: 1}}",
    ],
)
def test_a_wrong_table_is_refused_by_entry(spec: str) -> None:
    with pytest.raises(ValueError, match="the price of 'x' needs input_mtok"):
        settings(RUNFOLD_PRICES=spec)


def test_a_table_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError, match="RUNFOLD_PRICES cannot be read"):
        settings(RUNFOLD_PRICES="/nowhere/prices.yaml")


@pytest.mark.parametrize(
    "spec",
    [
        "openai:x: {input_mtok: 0.10, output_mtok: 2}",
        "openai:x:\n  input_mtok: 0.10\n  output_mtok: 2\n",
        '{"openai:x": {"input_mtok": 0.10, "output_mtok": "2"}}',
    ],
)
def test_yaml_of_either_style_may_stand_in_the_variable_itself(spec: str) -> None:
    found = settings(RUNFOLD_PRICES=spec).table.find("openai:x")
    assert found == {"input_mtok": Decimal("0.10"), "output_mtok": Decimal(2)}


@pytest.mark.parametrize("price", ["12:30", "0x10", "true", ".inf"])
def test_a_price_is_a_decimal_number_as_it_was_typed(price: str) -> None:
    with pytest.raises(SettingsError, match=r"^RUNFOLD_PRICES: the price of 'openai:x' needs"):
        settings(RUNFOLD_PRICES=f"openai:x: {{input_mtok: {price}, output_mtok: 2}}")
