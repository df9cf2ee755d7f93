"""A day's costs, computed by hand, in every view; and a view that is wrong is found out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from runfold.surfaces.cli.context import Context
from tests.costs.given import context_of, journal_of, project
from tests.support.builders.day import BIG, CLAUDE, LLAMA, day

pytestmark = pytest.mark.integration

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def context(database_url: str) -> Iterator[Context]:
    """The day, told and projected."""
    log = journal_of(day())
    project(log, database_url)
    made = context_of(log, database_url)
    yield made
    made.engine.dispose()


@pytest.fixture
def runfold(context: Context, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line on the day; its exit code and what it printed."""

    def typed(*arguments: str) -> tuple[int, str]:
        code = run(arguments, context)
        said = capsys.readouterr()
        return code, said.out or said.err

    return typed


def change(context: Context, statement: str) -> None:
    with context.engine.begin() as connection:
        assert connection.exec_driver_sql(statement).rowcount > 0


def by(runfold: Run, *arguments: str) -> dict[Any, dict[str, Any]]:
    """Rows of ``costs --json`` by the first dimension that was asked for."""
    code, said = runfold("costs", "--json", "--by", *arguments)
    assert code == exits.OK
    rows = json.loads(said, parse_float=Decimal)
    assert all(row["shape"] == 2 for row in rows)
    return {row[row["by"][0]]: row for row in rows}


def amounts(row: dict[str, Any]) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    names = ("cost_usd", "retry_usd", "wasted_usd", "cache_savings_usd")
    cost, retry, wasted, saved = (Decimal(row[name]) for name in names)
    return cost, retry, wasted, saved


def exactly(*texts: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(text) for text in texts)


def test_costs_by_every_dimension(runfold: Run) -> None:
    tenants = by(runfold, "tenant")
    # 0.010000000001 + 0.002 + 0.003 + 0.003 + 0.010000000002; 600 cached at 1 $ instead of 10.
    assert amounts(tenants["acme"]) == exactly("0.028000000003", "0.003", "0.003", "0.0054")
    # Second attempts and failed runs count whole; 400 written at 125 $ instead of 100.
    assert amounts(tenants["umbrella"]) == exactly("0.25", "0.25", "0.25", "-0.01")
    assert (tenants["acme"]["calls"], tenants["umbrella"]["calls"]) == (5, 2)
    assert (tenants["acme"]["unpriced"], tenants["umbrella"]["unpriced"]) == (0, 1)
    models = by(runfold, "model")
    assert {name: row["cost_usd"] for name, row in models.items()} == {
        BIG: Decimal("0.020000000003"),
        CLAUDE: Decimal("0.25"),
        # Not 0: nobody knows.
        LLAMA: None,
        None: Decimal("0.008"),
    }
    assert models[LLAMA]["unpriced"] == 1
    assert amounts(by(runfold, "tool")["web.search"])[:3] == exactly("0.006", "0.003", "0.003")
    whole = Decimal("0.278000000003")
    for name in ("user", "run", "agent", "version", "feature", "provider", "skill", "prompt",
                 "variant", "kind", "tenant,model,tool"):  # fmt: skip
        code, said = runfold("costs", "--json", "--by", name)
        assert code == exits.OK
        found = [row["cost_usd"] for row in json.loads(said, parse_float=Decimal)]
        assert sum(Decimal(cost) for cost in found if cost is not None) == whole, name


def test_costs_by_month_have_bars_and_a_row_for_all(runfold: Run) -> None:
    _, said = runfold("costs", "--by", "tenant,month")
    head, *rows = said.splitlines()
    assert head.split()[:2] == ["tenant", "month"]
    assert [row.split()[0] for row in rows] == ["umbrella", "acme", "in"]
    # 0.25 and 0.028 of 0.278, in tenths.
    assert [row.split()[-2:] for row in rows[:2]] == [["█████████░", "90%"], ["█░░░░░░░░░", "10%"]]
    assert rows[2].startswith("in all")
    calls, tokens_in = rows[2].split()[2:4]
    assert (calls, tokens_in) == ("7", "3020")
    assert "in all" not in runfold("costs", "--by", "month")[1]


def test_what_has_no_price_is_shown_as_unpriced_and_what_is_old_not_at_all(runfold: Run) -> None:
    _, said = runfold("costs", "--by", "model")
    row = next(line for line in said.splitlines() if line.startswith(LLAMA))
    assert row.endswith("unpriced")
    assert runfold("costs", "--since", "7d")[1] == "Nothing was spent.\n"
    assert "umbrella" not in runfold("costs", "--by", "tenant", "--tenant", "acme")[1]


def test_costs_against_budgets(runfold: Run) -> None:
    code, said = runfold("costs", "budgets", "--json")
    assert code == exits.OK
    rows = {row["run_id"]: row for row in json.loads(said, parse_float=Decimal)}
    assert list(rows) == ["live", "done"]
    assert all(row["shape"] == 2 for row in rows.values())
    assert Decimal(rows["live"]["spent_share"]) == Decimal("1.0000000002")
    assert Decimal(rows["done"]["budget_usd"]) == 1
    assert runfold("costs", "budgets")[1].splitlines()[1].endswith("100%")
    assert runfold("costs", "budgets", "--tenant", "umbrella")[1] == "No run has a budget.\n"


def test_the_views_are_proved_against_the_journal(runfold: Run) -> None:
    code, said = runfold("costs", "verify")
    assert code == exits.OK, said
    assert "$0.278000000003 in 7 calls, 1 of them unpriced" in said
    assert "Equal to the last digit" in said


@pytest.mark.parametrize(
    ("statement", "view"),
    [
        ("UPDATE costs SET cost_usd = cost_usd + 1e-12 WHERE tool = 'files.read'", "costs"),
        ("UPDATE costs SET cost_usd = 0 WHERE cost_usd IS NULL", "costs"),
        ("UPDATE costs SET feature = 'mail' WHERE feature = 'logs'", "costs"),
        ("UPDATE costs SET input_tokens = 11 WHERE input_tokens = 10", "costs"),
        ("DELETE FROM costs WHERE run_id = 'live'", "costs"),
        ("UPDATE runs SET cost_usd = cost_usd - 1e-12 WHERE run_id = 'done'", "runs"),
        ("UPDATE model_calls SET cost_usd = NULL WHERE run_id = 'failed'", "model_calls and tool_"),
        ("UPDATE tool_calls SET cost_usd = 1", "model_calls and tool_calls"),
    ],
)
def test_a_view_that_is_wrong_in_its_last_digit_is_found(
    runfold: Run, context: Context, statement: str, view: str
) -> None:
    change(context, statement)
    code, said = runfold("costs", "verify", "--json")
    assert code == exits.NO
    told = json.loads(said, parse_float=Decimal)
    assert not told["equal"]
    assert told["differences"]
    assert all(each["view"].startswith(view) for each in told["differences"])
    assert runfold("costs", "verify")[0] == exits.NO


def test_an_end_that_says_another_cost_is_found(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = day()
    runs[2].over("0.01")
    log = journal_of(runs)
    project(log, database_url)
    context = context_of(log, database_url)
    assert run(["costs", "verify", "--json"], context) == exits.NO
    told = json.loads(capsys.readouterr().out, parse_float=Decimal)
    assert [(each["view"], each["of"]) for each in told["differences"]] == [
        ("exit records", "run_id live")
    ]
    context.engine.dispose()


def test_what_the_views_have_not_seen_yet_is_not_held_against_them(
    runfold: Run, context: Context
) -> None:
    change(context, "DELETE FROM costs WHERE run_id = 'live'")
    change(context, "DELETE FROM runs WHERE run_id = 'live'")
    change(context, "DELETE FROM model_calls WHERE run_id = 'live'")
    assert runfold("costs", "verify")[0] == exits.NO
    partition = next(
        found.place.partition for found in context.reader.read("runs.events", key="live")
    )
    first = next(found.place.offset for found in context.reader.read("runs.events", key="live"))
    change(
        context,
        f"UPDATE projection_positions SET next_offset = {first} "
        f"WHERE topic_partition = {partition}",
    )
    assert runfold("costs", "verify")[0] == exits.OK


def test_views_at_different_places_are_not_compared(runfold: Run, context: Context) -> None:
    change(context, "UPDATE projection_positions SET next_offset = 0 WHERE view = 'runs'")
    code, said = runfold("costs", "verify")
    assert code == exits.TRY_AGAIN
    assert "rebuild" in said


def test_without_views_there_is_nothing_to_prove(database_url: str) -> None:
    log = journal_of(day())
    project(log, database_url)
    context = context_of(log, database_url)
    change(context, "DELETE FROM projection_positions")
    assert run(["costs", "verify"], context) == exits.TRY_AGAIN
    context.engine.dispose()
