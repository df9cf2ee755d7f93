"""Whose rows a question sees: none without a scope, and nothing of one tenant for another."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any, get_type_hints

import pytest
from confluent_kafka import Producer
from sqlalchemy import Connection, text

from runfold.events import topics
from runfold.events.run import ToolCallUncertain
from runfold.events.values import RunStatus
from runfold.projections import queries, schema
from runfold.projections.errors import NotCaughtUp
from runfold.projections.queries import OperatorViews, RunFilter, TenantViews, Views
from runfold.stack.settings import Settings
from tests.projections.running import projector, wait_caught_up
from tests.support import journal
from tests.support.builders.history import History
from tests.tenant.given import World, capped

TENANTS = ("acme", "umbrella")


def questions() -> dict[str, Callable[..., Any]]:
    """Every public function of the package, by its name."""
    rooms = [
        import_module(f"{queries.__name__}.{module.name}")
        for module in pkgutil.iter_modules(queries.__path__)
    ]
    return {
        name: member
        for room in rooms
        for name, member in inspect.getmembers(room, inspect.isfunction)
        if member.__module__ == room.__name__ and not name.startswith("_")
    }


def scope_of(question: Callable[..., Any]) -> Any:
    """The type of a question's first argument."""
    first, *_ = inspect.signature(question).parameters
    return get_type_hints(question)[first]


def test_no_question_is_asked_without_a_scope() -> None:
    assert len(questions()) >= 14
    for name, question in questions().items():
        assert scope_of(question) in {Views, TenantViews, OperatorViews}, name


def test_the_package_offers_every_question() -> None:
    assert set(questions()) <= set(queries.__all__)


def test_views_cannot_be_made_without_a_tenant_or_a_reason() -> None:
    connection: Any = None
    with pytest.raises(TypeError):
        Views(connection)
    with pytest.raises(TypeError):
        TenantViews(connection)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="need a tenant"):
        TenantViews(connection, "")
    with pytest.raises(ValueError, match="need a reason"):
        OperatorViews(connection, "")


def story(tenant: str) -> list[History]:
    """Runs that are done, that wait, that are in doubt; their ids carry the tenant's name."""
    done = History(f"{tenant}-done", tenant).created().asked_model(f"{tenant}-m1")
    done.model_said(f"{tenant}-m1", "files.read").proposed(f"{tenant}-t1")
    done.decided(f"{tenant}-t1").approved(f"{tenant}-t1").started(f"{tenant}-t1")
    done.succeeded(f"{tenant}-t1").checkpoint(1, f"{tenant}-t1").ended()
    waits = History(f"{tenant}-open", tenant, partition=1).created().asked_model(f"{tenant}-m2")
    waits.model_said(f"{tenant}-m2", "files.read").proposed(f"{tenant}-t2", 1)
    waits.decided(f"{tenant}-t2").asked_person(f"{tenant}-t2")
    doubt = History(f"{tenant}-doubt", tenant, partition=2).created().asked_model(f"{tenant}-m3")
    doubt.model_said(f"{tenant}-m3", "files.read").proposed(f"{tenant}-t3")
    doubt.decided(f"{tenant}-t3").approved(f"{tenant}-t3").started(f"{tenant}-t3")
    unsure = ToolCallUncertain(
        call_id=f"{tenant}-t3", attempt=1, tool="files.read", reason="it went", cost=None
    )
    return [done, waits, doubt.add(unsure, RunStatus.WAITING_FOR_HUMAN)]


@pytest.fixture(scope="module")
def _settings(servers: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    from dataclasses import replace  # noqa: PLC0415

    from tests.support import stack  # noqa: PLC0415

    stack.fresh_topics(servers.settings)
    with stack.fresh_database(servers.database_url) as url:
        home = tmp_path_factory.mktemp("home")
        yield replace(servers.settings.at(servers.bootstrap_servers, url), home=home)


@pytest.fixture(scope="module")
def database(_settings: Settings) -> Iterator[Connection]:
    """A connection to views that hold the same stories for two tenants."""
    journal.write(_settings.bootstrap_servers, [run for t in TENANTS for run in story(t)])
    _admit(_settings)
    with projector(_settings):
        wait_caught_up(_settings)
    engine = schema.engine(_settings.database_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _admit(settings: Settings) -> None:
    """Let each tenant admit a run."""
    world = World.opened(capped(1))
    for number, tenant in enumerate(TENANTS):
        world.ask(number, tenant_id=tenant)
        for value, _event in world.tenant_values(tenant):
            producer = Producer(settings.producer_config())
            producer.produce(topics.TENANT_EVENTS, value, tenant.encode(), 0)
            assert producer.flush(20) == 0


Ask = Callable[[Views, str], object]


def failing(question: Callable[[], object]) -> str:
    """What a question says that has no answer."""
    with pytest.raises(NotCaughtUp) as caught:
        question()
    return str(caught.value)


BY_ID: dict[str, Ask] = {
    "run": lambda v, t: queries.run(v, f"{t}-done"),
    "timeline": lambda v, t: queries.timeline(v, f"{t}-done"),
    "calls": lambda v, t: queries.calls(v, f"{t}-done"),
    "latest_checkpoint": lambda v, t: queries.latest_checkpoint(v, f"{t}-done"),
    "checkpoints_of": lambda v, t: queries.checkpoints_of(v, f"{t}-done"),
    "already_ran": lambda v, t: queries.already_ran(v, "files.read", f"{t}-t1"),
    "ids_beginning_with": lambda v, t: queries.ids_beginning_with(v, f"{t}-d"),
    "open_approvals": lambda v, t: queries.open_approvals(v, f"{t}-open"),
    "uncertain_calls": lambda v, t: queries.uncertain_calls(v, f"{t}-doubt"),
    "audit_of": lambda v, t: queries.audit_of(v, f"{t}-done"),
    "costs_by": lambda v, t: queries.costs_by(v, "model", run_id=f"{t}-done"),
}
"""Questions that name something by its id."""


def answered(ask: Ask, views: Views, tenant: str) -> str:
    """What is answered, with the tenant's name taken out of it."""
    return repr(ask(views, tenant)).replace(tenant, "whoever")


@pytest.mark.integration
@pytest.mark.parametrize("name", BY_ID)
def test_anothers_ids_are_answered_as_ids_of_nobody(database: Connection, name: str) -> None:
    ask = BY_ID[name]
    mine, other = TENANTS
    for views in (TenantViews(database, mine), OperatorViews(database, "a test")):
        assert answered(ask, views, mine) != answered(ask, views, "nobody")
    views = TenantViews(database, mine)
    assert answered(ask, views, other) == answered(ask, views, "nobody")


@pytest.mark.integration
def test_waiting_for_anothers_run_is_waiting_for_none(database: Connection) -> None:
    mine, other = TENANTS
    views = TenantViews(database, mine)
    queries.wait_for(views, f"{mine}-done", 1)
    said = [
        failing(lambda run=run: queries.wait_for(views, run, 1, timeout_s=0.05))  # type: ignore[misc]
        for run in (f"{other}-done", "nobody-done")
    ]
    assert said[0].replace(other, "nobody") == said[1]


LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

LISTS: dict[str, Callable[[Views], object]] = {
    "list_runs": queries.list_runs,
    "list_tenants": queries.list_tenants,
    "set_aside_at_tenants": queries.set_aside_at_tenants,
    "tenant_budgets_in_use": queries.tenant_budgets_in_use,
    "list_runs by all that it filters": lambda v: queries.list_runs(
        v, RunFilter(user_id="u1", agent="triage", created_from=LONG_AGO)
    ),
    "open_approvals": queries.open_approvals,
    "uncertain_calls": queries.uncertain_calls,
    "costs_by": lambda v: queries.costs_by(v, "tenant_id", "run_id"),
    "budgets": queries.budgets,
    "audit_summary": queries.audit_summary,
    "tools_used": lambda v: queries.tools_used(v, LONG_AGO),
    "runs_started": lambda v: queries.runs_started(v, LONG_AGO),
    "live_runs": queries.live_runs,
    "oldest_live_run": queries.oldest_live_run,
    "evidence_of": lambda v: queries.evidence_of(v, LONG_AGO, datetime.now(UTC)),
    "rules_used": lambda v: queries.rules_used(v, LONG_AGO),
    "reached": lambda v: queries.reached(v, "timeline", "runs.events"),
}
"""Questions about everything that is seen."""


@pytest.mark.integration
@pytest.mark.parametrize("name", LISTS)
def test_lists_and_sums_are_of_the_tenants_own(database: Connection, name: str) -> None:
    ask = LISTS[name]
    both = [repr(ask(TenantViews(database, tenant))) for tenant in TENANTS]
    for tenant, found in zip(TENANTS, both, strict=True):
        (other,) = set(TENANTS) - {tenant}
        assert other not in found
    # The stories are the same but for the names; chains and offsets apart.
    if name == "audit_summary":
        assert both[0] == both[1]
    everything = repr(ask(OperatorViews(database, "a test")))
    # The oldest or the latest of both is that of one of them.
    assert (
        all(everything != found for found in both)
        or both == ["[]", "[]"]
        # How far a view is says nothing of anybody.
        or name in {"oldest_live_run", "evidence_of", "reached"}
    )


@pytest.mark.integration
def test_evidence_is_of_runs_that_went_on_in_the_while_and_of_their_class(
    database: Connection,
) -> None:
    views = TenantViews(database, TENANTS[0])
    now = datetime.now(UTC)
    found = queries.evidence_of(views, LONG_AGO, now)
    assert set(found) == {0, 1}
    latest = database.execute(text("SELECT max(updated_at) FROM runs")).scalar()
    assert max(found.values()) <= latest
    assert queries.evidence_of(views, LONG_AGO, LONG_AGO) == {}
    assert queries.evidence_of(views, now + timedelta(days=9_999), now) == {}
    assert queries.evidence_of(views, LONG_AGO, now, "restricted") == {}


def test_every_question_is_among_those_that_are_tried() -> None:
    tried = {*BY_ID, *(name.split()[0] for name in LISTS), "wait_for"}
    asked = {name for name, question in questions().items() if scope_of(question) is Views}
    assert tried == asked


@pytest.mark.integration
def test_a_table_without_tenants_is_not_shown_to_one(database: Connection) -> None:
    operators = {n for n, q in questions().items() if scope_of(q) is OperatorViews}
    assert operators == {
        "list_dead_letters",
        "list_failures",
        "set_aside",
        "unread",
        "positions",
        "wait_for_offset",
    }
    for name in operators - {"wait_for_offset"}:
        questions()[name](OperatorViews(database, "a test"))
    assert database.execute(text("SELECT count(DISTINCT tenant_id) FROM runs")).scalar() == 2
