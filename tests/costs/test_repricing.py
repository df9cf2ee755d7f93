"""The past at other prices: exact, beside the record, and refused where the prices lack a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from runfold.projections import schema
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from runfold.surfaces.cli.context import Context
from runfold.surfaces.costs import price_file
from runfold.surfaces.costs.price_file import PriceFileError
from runfold.surfaces.costs.repricing import reprice
from tests.costs.given import context_of, journal_of, project
from tests.support.builders.day import BIG, CLAUDE, LLAMA, NOON, day

PRICES = """
"openai:*": {input_mtok: 5, output_mtok: 20, cache_read_mtok: 0.5}
"anthropic:claude": {input_mtok: 10, output_mtok: 50}
"house:*": unpriced
"""


@pytest.fixture
def context(database_url: str) -> Iterator[Context]:
    """The day, told and projected."""
    log = journal_of(day())
    project(log, database_url)
    made = context_of(log, database_url)
    yield made
    made.engine.dispose()


def prices(folder: Path, text: str = PRICES) -> Path:
    path = folder / "next-year.yaml"
    path.write_text(text)
    return path


def rows(context: Context, query: str) -> list[tuple[Any, ...]]:
    with context.engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


@pytest.mark.integration
def test_the_past_is_priced_anew_and_the_record_untouched(
    context: Context, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rows(context, "SELECT * FROM costs ORDER BY run_id, seq")
    assert run(["costs", "reprice", "--prices", str(prices(tmp_path)), "--json"], context) == 0
    told = json.loads(capsys.readouterr().out, parse_float=Decimal)
    assert told["repricing"] == "next-year"
    assert (told["calls"], told["compared"]) == (4, 3)
    assert (told["unpriced_before"], told["unpriced_after"]) == (1, 1)
    # (400 · 5 + 600 · 0.5 + 100 · 20) + (10 · 5 + 1 · 20) + (2000 · 10 + 500 · 50), millionths
    assert Decimal(told["repriced_usd"]) == Decimal("0.04937")
    assert Decimal(told["recorded_usd"]) == Decimal("0.270000000003")
    assert Decimal(told["difference_usd"]) == Decimal("-0.220630000003")
    assert Decimal(told["by_model"][BIG]["repriced_usd"]) == Decimal("0.00437")
    kept = dict(rows(context, "SELECT model || '/' || run_id, repriced_usd FROM repriced_costs"))
    assert kept == {
        f"{BIG}/done": Decimal("0.0043"),
        f"{BIG}/live": Decimal("0.00007"),
        f"{CLAUDE}/failed": Decimal("0.045"),
        f"{LLAMA}/failed": None,
    }
    assert rows(context, "SELECT * FROM costs ORDER BY run_id, seq") == before
    assert run(["costs", "verify"], context) == exits.OK


@pytest.mark.integration
def test_done_again_it_takes_the_place_of_what_was_kept(
    context: Context, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for extra in ([], ["--as", "other"], []):
        arguments = ["costs", "reprice", "--prices", str(prices(tmp_path)), *extra]
        assert run(arguments, context) == exits.OK
    shown = capsys.readouterr().out
    assert f"{LLAMA}       1      unpriced" in shown
    assert "-$0.2206" in shown
    found = rows(context, "SELECT repricing, calls FROM repricings ORDER BY repricing")
    assert found == [("next-year", 4), ("other", 4)]
    assert rows(context, "SELECT count(*) FROM repriced_costs") == [(8,)]


@pytest.mark.integration
def test_answers_before_a_moment_are_left_out(context: Context, tmp_path: Path) -> None:
    read = price_file.read(prices(tmp_path))
    late = reprice(context.engine, context.reader, read, "late", NOON + timedelta(milliseconds=22))
    # The third event of each run is its first answer, 21 ms after noon; only one came later.
    assert late.total.calls == 1
    assert late.by_model.keys() == {LLAMA}


@pytest.mark.integration
def test_a_model_without_a_price_is_refused_and_nothing_is_kept(
    context: Context, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["costs", "reprice", "--prices", str(prices(tmp_path)), "--as", "p"], context) == 0
    short = prices(tmp_path, PRICES.replace("openai:*", "openai:gpt-small"))
    code = run(["costs", "reprice", "--prices", str(short), "--as", "p"], context)
    assert code == exits.BAD_INPUT
    assert capsys.readouterr().err == (
        f'{short}:1: no entry for "{BIG}", which answered 2 calls in that time: '
        f'give its prices, or say "{BIG}": unpriced\n'
    )
    kept = rows(context, "SELECT recorded_usd, repriced_usd FROM repricings")
    assert kept == [(Decimal("0.270000000003"), Decimal("0.049370000000"))]
    assert rows(context, "SELECT count(*) FROM repriced_costs") == [(4,)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1: the file is empty"),
        ("- a", "1: a price table maps provider:model to its prices"),
        ("a: [", "1: not readable YAML: expected the node content"),
        ('\n"a:b": {input_mtok: 1}', "2: the price of 'a:b' needs input_mtok and output_mtok"),
        ('"a:b": {input_mtok: x, output_mtok: 1}', "1: the price of 'a:b' needs"),
        ('"a:b": {input_mtok: -1, output_mtok: 1}', "1: the price of 'a:b' needs"),
        ('"a:b": {input_mtok: .nan, output_mtok: 1}', "1: the price of 'a:b' needs"),
        ('"a:b": {input_mtok: 1, output_mtok: 1, more: 1}', "1: the price of 'a:b' needs"),
        ('"a:b": free', "1: the price of 'a:b' needs"),
        ("gpt: {input_mtok: 1, output_mtok: 1}", '1: "gpt" names no model: write provider:model'),
        ("a:b: unpriced\n7: 1", '2: "7" names no model'),
        ("a:b: unpriced\na:b: unpriced", '2: a:b: the key "a:b" is written twice'),
    ],
)
def test_a_bad_entry_is_refused_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    path = prices(tmp_path, text)
    with pytest.raises(PriceFileError) as refused:
        price_file.read(path)
    assert str(refused.value).startswith(f"{path}:{told}"), refused.value


def test_all_bad_entries_are_told_at_once(tmp_path: Path) -> None:
    path = prices(tmp_path, "a:b: 1\nc:d: unpriced\ne:f: 2\n")
    with pytest.raises(PriceFileError) as refused:
        price_file.read(path)
    lines = str(refused.value).splitlines()
    assert [line.split(":")[1] for line in lines] == ["1", "3"]


def test_a_name_beats_a_pattern_also_where_it_says_unpriced(tmp_path: Path) -> None:
    read = price_file.read(
        prices(tmp_path, '"a:*": {input_mtok: 1, output_mtok: 1}\n"a:b": unpriced\n')
    )
    usage = day()[0].events[2].fact.usage  # type: ignore[attr-defined]
    assert read.price("a:b", usage, NOON) is None
    assert read.price("a:c", usage, NOON) == Decimal("0.0011")
    assert [read.settles(model) for model in ("a:b", "a:c", "b:c")] == [True, True, False]


@pytest.mark.integration
def test_tables_of_the_release_before_are_brought_up(database_url: str) -> None:
    schema.ensure(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("DROP TABLE repricings, repriced_costs")
        connection.execute("UPDATE projection_schema SET version = 1")
    schema.ensure(database_url)
    with psycopg.connect(database_url) as connection:
        found = connection.execute("SELECT count(*) FROM repriced_costs").fetchone()
        release = connection.execute("SELECT max(version) FROM projection_schema").fetchone()
    assert (found, release) == ((0,), (schema.VERSION,))
