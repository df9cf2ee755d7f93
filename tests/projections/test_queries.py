"""The questions that people ask of the views, on a journal that is known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, event, select

from runfold.events import topics
from runfold.projections import docs, queries, schema, tables
from runfold.projections.errors import NotCaughtUp
from runfold.projections.queries import OperatorViews, TenantViews, access
from runfold.projections.tables import METADATA, costs
from runfold.stack.settings import Settings
from tests.projections.running import projector, wait_caught_up
from tests.support import journal
from tests.support.builders.history import History

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


def known() -> list[History]:
    done = History("done").created("why?").asked_model("m1").model_said("m1", "files.read")
    done.proposed("t1").decided("t1").approved("t1").started("t1").succeeded("t1")
    done.checkpoint(1, "t1").ended()
    open_ = History("open", partition=1).created().asked_model("m2")
    open_.model_said("m2", "files.read", cost=None).proposed("t2", 1).decided("t2")
    return [done, open_.asked_person("t2")]


@pytest.fixture
def database(settings: Settings) -> Iterator[Connection]:
    """A connection to views that have caught up with the known journal."""
    journal.write(settings.bootstrap_servers, known())
    journal.put(settings.bootstrap_servers, topics.EVENTS, 2, b"garbage")
    with projector(settings):
        wait_caught_up(settings)
    engine = schema.engine(settings.database_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.mark.integration
def test_the_forensic_questions_have_answers(database: Connection) -> None:
    everything = OperatorViews(database, "a test")
    runs(everything)
    calls(everything)
    money_and_audit(everything)
    waiting(everything)
    use(everything)


def use(db: OperatorViews) -> None:
    """What an access review asks."""
    begun = access.tools_used(db, EPOCH)
    assert [(row["tenant_id"], row["tool_name"], row["calls"]) for row in begun] == [
        ("acme", "files.read", 1)
    ]
    assert begun[0]["last_used"] is not None
    later = access.tools_used(db, datetime.now(UTC))
    assert [(row["calls"], row["last_used"]) for row in later] == [(0, begun[0]["last_used"])]
    (started,) = access.runs_started(db, EPOCH)
    assert started["runs"] == 2
    decided = {row["rule"]: row["decisions"] for row in access.rules_used(db, EPOCH)}
    assert decided
    assert set(decided.values()) == {2}
    assert access.tools_used(TenantViews(db.connection, "globex"), EPOCH) == []
    assert access.rules_used(TenantViews(db.connection, "globex"), EPOCH) == []


def runs(db: OperatorViews) -> None:
    done = queries.run(db, "done")
    assert done is not None
    assert (done["status"], done["goal"]) == ("completed", "why?")
    assert queries.run(db, "nobody") is None
    which = queries.RunFilter(status="waiting_for_human")
    acme = TenantViews(db.connection, "acme")
    assert [row["run_id"] for row in queries.list_runs(acme, which)] == ["open"]
    assert queries.ids_beginning_with(db, "do") == ["done"]
    assert len(queries.list_runs(db)) == 2
    assert len(queries.list_runs(db, limit=1)) == 1
    seqs = [row["seq"] for row in queries.timeline(db, "done", after_seq=3)]
    assert seqs == list(range(4, len(known()[0].values) + 1))
    safe = queries.latest_checkpoint(db, "done")
    assert safe is not None
    assert safe["safe_to_retry"]


def calls(db: OperatorViews) -> None:
    models, tools = queries.calls(db, "done")
    assert [row["model_call_id"] for row in models] == ["m1"]
    assert [row["tool_call_id"] for row in tools] == ["t1"]
    ran = queries.already_ran(db, "files.read", "t1")
    assert ran is not None
    assert ran["status"] == "succeeded"
    assert queries.already_ran(db, "files.read", "never") is None
    (waits,) = queries.open_approvals(TenantViews(db.connection, "acme"))
    assert (waits["approval_id"], waits["agent"], waits["user_id"]) == ("t2", "triage", "u1")
    assert waits["arguments_json"] == {"path": "a", "max": 1.5}
    assert queries.open_approvals(TenantViews(db.connection, "other")) == []


def money_and_audit(db: OperatorViews) -> None:
    by_kind = {
        row["kind"]: row for row in queries.costs_by(TenantViews(db.connection, "acme"), "kind")
    }
    assert by_kind["model"]["cost_usd"] == Decimal("0.0125")
    assert (by_kind["model"]["calls"], by_kind["model"]["unpriced"]) == (2, 1)
    assert by_kind["tool"]["cost_usd"] == Decimal("0.001")
    by_day = queries.costs_by(db, "day", "kind")
    assert [row["day"] for row in by_day] == sorted(row["day"] for row in by_day)
    assert sum(row["cost_usd"] for row in by_day) == Decimal("0.0135")
    assert {row["day"] for row in by_day} == {
        f"{row['time'].astimezone(UTC):%Y-%m-%d}" for row in db.all(select(costs.c.time))
    }
    events = sum(len(run.values) for run in known())
    assert queries.audit_summary(db) == queries.AuditSummary(2, events, 0, 0, 0)
    chain = queries.audit_of(db, "open")
    assert chain is not None
    assert chain["chain_ok"]
    assert [row["code"] for row in queries.list_dead_letters(db)] == ["not_framed"]
    assert queries.list_failures(db) == []


def waiting(db: OperatorViews) -> None:
    queries.wait_for(db, "open", len(known()[1].values))
    with pytest.raises(NotCaughtUp, match="is the projector running"):
        queries.wait_for(db, "open", 999, timeout_s=0.05)
    with pytest.raises(NotCaughtUp):
        queries.wait_for_offset(db, topics.EVENTS, 0, 10_000, timeout_s=0.05)


def test_the_page_of_tables_is_what_the_tables_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert docs.main(["--check"]) == 0
    assert capsys.readouterr().err == ""


def test_every_column_says_what_it_holds() -> None:
    for table in METADATA.tables.values():
        assert table.comment
        for column in table.columns:
            assert column.comment, f"{table.name}.{column.name}"


@pytest.mark.integration
def test_a_page_of_those_that_wait_is_read_from_an_index_in_order(database: Connection) -> None:
    """Not from all that live, sorted: an order by a column that is null is no order to Postgres
    unless it is said.
    """
    plain = {column.name for column in tables.runs.c if not column.nullable} - {"run_id", "status"}
    names = ", ".join(sorted(plain))
    given = names.replace("created_at", "created_at + n * interval '1 s'")
    database.exec_driver_sql(
        f"INSERT INTO runs (run_id, status, exit_status, {names}) "
        "SELECT 'more-' || n, CASE mod(n, 30) WHEN 0 THEN 'waiting_for_human' ELSE 'completed' END,"
        f" CASE WHEN mod(n, 30) <> 0 THEN 'success' END, {given}"
        " FROM generate_series(1, 60000) AS n, runs WHERE run_id = 'open'"
    )
    database.exec_driver_sql("ANALYZE runs")
    views = TenantViews(database, "acme")
    asked = list[Any]()
    event.listen(database, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
    which = queries.RunFilter(status="waiting_for_human")
    assert len(queries.list_runs(views, which, 51, ("run_id", "created_at"))) == 51
    (statement, parameters) = asked[-1]
    plan = database.exec_driver_sql(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters
    ).scalar_one()
    assert most_rows(plan[0]["Plan"]) < 1_000, plan


def most_rows(plan: dict[str, Any]) -> int:
    """The rows that the busiest node of a plan gave."""
    return max([int(plan["Actual Rows"]), *map(most_rows, plan.get("Plans", []))])
