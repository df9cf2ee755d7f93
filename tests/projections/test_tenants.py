"""The tables of tenants: what their journal says, folded, rebuilt, compared and asked for."""

from __future__ import annotations

from decimal import Decimal

import psycopg
import pytest
from confluent_kafka import Producer
from sqlalchemy import create_engine

from runfold.events import topics
from runfold.projections.queries import OperatorViews, TenantViews
from runfold.projections.queries.tenants import list_tenants
from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.rebuild import compare, rebuild
from runfold.projections.tables import tenant_budgets, tenant_runs
from runfold.projections.view import Batch, OfTenant
from runfold.projections.views.tenants import VIEW
from runfold.stack.settings import Settings
from tests.projections.running import ask, projector
from tests.support.builders.history import CODEC
from tests.support.stack import wait_until
from tests.tenant.given import TENANT, World, policy


def world() -> World:
    """One run that has ended, one that runs, one that waits and one that was refused."""
    budget = {"of": "tenant", "period": "month", "limit": "1.00", "soft": "0.50"}
    found = World.opened(
        policy(
            caps=({"of": "tenant", "running": 1},),
            queue_size=1,
            budgets=(budget,),
            run_amounts={"usd": "0.40"},
        )
    )
    for number in (1, 2, 3):
        found.ask(number, user_id=f"user-{number}")
    found.finish(1, "0.123456789012")
    found.ask(4, user_id="user-4")
    return found


def batch(of: World) -> Batch:
    events = enumerate(of.tenant_events())
    return Batch(tenants=[OfTenant(e.meta, e.fact, 0, offset) for offset, e in events])


def test_a_run_is_a_row_with_where_it_is_and_what_it_may_use() -> None:
    given = world()
    rows = VIEW.fold(batch(given)).changed[tenant_runs]
    assert {given.ids[n]: rows[given.ids[n]]["status"] for n in (1, 2, 3, 4)} == {
        given.ids[1]: "returned",
        given.ids[2]: "running",
        given.ids[3]: "refused",
        given.ids[4]: "queued",
    }
    assert rows[given.ids[1]]["usd_used"] == Decimal("0.123456789012")
    assert rows[given.ids[2]]["usd_set_aside"] == Decimal("0.40")
    assert rows[given.ids[3]]["code"] == "queue_full"
    assert (rows[given.ids[4]]["user_id"], rows[given.ids[4]]["queue_position"]) == ("user-4", 1)


def test_a_budget_is_a_row_a_period_with_its_limits_and_its_alert() -> None:
    (row,) = VIEW.fold(batch(world())).changed[tenant_budgets].values()
    assert (row["used"], row["limit_amount"], row["soft_amount"], row["alerted"]) == (
        Decimal("0.123456789012"),
        Decimal("1.00"),
        Decimal("0.50"),
        True,
    )
    assert (row["scope"], row["unit"], row["period"]) == ("tenant", "usd", "month")


def test_what_is_set_aside_later_and_what_is_told_late_is_in_the_rows() -> None:
    budget = {"of": "tenant", "period": "month", "limit": "1.00"}
    retries = {"period": "hour", "percent": 10, "least": 5, "per_run": 2}
    given = World.opened(
        policy(budgets=(budget,), run_amounts={"usd": "0.40"}, retries=retries),
    )
    given.ask(1)
    given.extend(1, usd="0.10")
    given.cancel(1)
    given.came_late(1, "0.2")
    whole = batch(given)
    changed = VIEW.fold(whole).changed
    row = changed[tenant_runs][given.ids[1]]
    assert (row["usd_set_aside"], row["usd_used"]) == (Decimal("0.50"), Decimal("0.2"))
    assert (row["retries_set_aside"], row["retries_used"]) == (2, 0)
    used = {each["unit"]: each["used"] for each in changed[tenant_budgets].values()}
    assert used == {"usd": Decimal("0.2"), "retries": 0, "calls": used["calls"]}
    parts = VIEW.fold(Batch(tenants=whole.tenants[:-1]))
    VIEW.add(Batch(tenants=whole.tenants[-1:]), parts)
    assert parts.merged == VIEW.fold(whole).merged


def test_the_batches_make_no_difference() -> None:
    whole = batch(world())
    one = VIEW.fold(whole)
    parts = VIEW.fold(Batch(tenants=whole.tenants[:3]))
    VIEW.add(Batch(tenants=whole.tenants[3:]), parts)
    assert parts.merged == one.merged


@pytest.mark.integration
def test_the_projector_keeps_them_and_a_rebuild_makes_the_same(settings: Settings) -> None:
    given = world()
    producer = Producer(settings.producer_config())
    for value, event in given.tenant_values():
        producer.produce(topics.TENANT_EVENTS, value, event.meta.tenant_id.encode(), 0)
    assert producer.flush(20) == 0
    with projector(settings):
        wait_until(lambda: _waiting(settings) == [(given.ids[4],)], 150)
        # It shows what lasts now, and the events are of the day at which the clock of tests stands.
        assert ask(settings, "SELECT * FROM tenant_budget_use") == []
        reader = ReaderConfig(settings.kafka_config())
        assert rebuild("tenants", settings.database_url, reader, CODEC).rows == {
            "tenant_runs": 4,
            "tenant_budgets": 1,
        }
        assert compare("tenants", settings.database_url, reader, CODEC).rows == 0
    assert ask(settings, "SELECT running, waiting, refused, returned FROM tenants") == [
        (1, 1, 1, 1)
    ]
    this_month = "UPDATE tenant_budgets SET began_at = date_trunc('month', now(), 'UTC')"
    with psycopg.connect(settings.database_url) as connection:
        connection.execute(this_month.encode())
    assert ask(settings, "SELECT used, set_aside, left_amount, alerted FROM tenant_budget_use") == [
        (Decimal("0.123456789012"), Decimal("0.4"), Decimal("0.476543210988"), True)
    ]
    _need_scopes(settings)


def _waiting(settings: Settings) -> list[tuple[str]]:
    try:
        return ask(settings, "SELECT run_id FROM tenant_queue")
    except psycopg.Error:
        return []


def _need_scopes(settings: Settings) -> None:
    """Whose rows a question sees."""
    database = create_engine(
        settings.database_url.replace("postgresql://", "postgresql+psycopg://")
    )
    with database.connect() as connection:
        (row,) = list_tenants(OperatorViews(connection, "test"))
        assert (row["tenant_id"], row["waiting"], row["alerts"]) == (TENANT, 1, 1)
        assert list_tenants(TenantViews(connection, "somebody else")) == []
    database.dispose()
