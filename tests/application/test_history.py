"""History and detail from the views say what the journal says, to whoever may see the run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from runfold.events.avro.samples import sample
from runfold.events.base import Fact
from runfold.events.catalogue import FACTS
from runfold.events.contents.content import content, json_content, text
from runfold.events.run import Event, MessageKind, UserMessageReceived
from runfold.projections import queries, schema
from runfold.projections.queries import OperatorViews, TenantViews, Views
from runfold.projections.rendering.parsing import event_of_row, fact_of
from runfold.projections.rendering.readable import readable
from runfold.projections.store.rows.writing import fold, write
from runfold.projections.view import Batch, Placed
from runfold.projections.views import VIEWS
from runfold.surfaces.application.errors import NotFoundError
from runfold.surfaces.application.rendering import event_of
from runfold.surfaces.application.runs.reading.history import detail, history, state_at
from runfold.surfaces.application.runs.reading.run_detail import RunFold
from tests.support.builders.stories import STORIES
from tests.support.builders.stories import history as told


def row_of(event: Event) -> dict[str, Any]:
    meta = event.meta
    return {
        **{name: getattr(meta, name) for name in ("run_id", "seq", "tenant_id", "time", "cause")},
        "status": meta.status.value,
        "actor_kind": meta.actor.kind.value,
        "actor_id": meta.actor.id,
        "traceparent": meta.traceparent,
        "prev_hash": meta.prev_hash.hex(),
        "type": event.type,
        "fact": json.loads(readable(event.fact)),
    }


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.__name__)
def test_every_fact_is_read_back_from_what_the_timeline_holds(kind: type[Fact]) -> None:
    fact = sample(kind)
    assert fact_of(kind, json.loads(readable(fact))) == fact


@pytest.mark.parametrize(
    "said", [text("hello"), json_content({"n": [1, 2.5]}), content(b"\0\xff", "image/png")]
)
def test_contents_are_read_back(said: Any) -> None:
    fact = UserMessageReceived(kind=MessageKind.MESSAGE, content=said, message_id="m")
    assert fact_of(UserMessageReceived, json.loads(readable(fact))) == fact


@pytest.mark.parametrize("name", STORIES)
def test_a_run_of_rows_folds_as_the_run_of_the_journal(name: str) -> None:
    original, read = RunFold(), RunFold()
    for event in told(STORIES[name])[0]:
        original.take(event)
        found = event_of_row(row_of(event))
        assert found is not None
        read.take(found)
        assert event_of(found) == event_of(event)
        assert read.detail() == original.detail()
        assert read.state() == original.state()


def test_what_a_later_release_wrote_is_no_event() -> None:
    row = row_of(next(iter(told(next(iter(STORIES.values())))[0])))
    assert event_of_row({**row, "type": "SomethingNew"}) is None
    assert event_of_row({**row, "fact": {**row["fact"], "new_field": 1}}) is None


@pytest.fixture
def views(database_url: str) -> Iterator[tuple[Engine, list[Event]]]:
    """A database whose views have one run, and the run's events as the journal has them."""
    events = told(next(iter(STORIES.values())))[0]
    schema.ensure(database_url)
    placed = [Placed(each.meta, each.fact, 0, n, "h") for n, each in enumerate(events)]
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        for view in VIEWS.values():
            write(cursor, fold(view, Batch(events=placed)))
    engine = schema.engine(database_url)
    yield engine, events
    engine.dispose()


@pytest.mark.integration
def test_the_views_say_of_a_run_what_the_journal_says(views: tuple[Engine, list[Event]]) -> None:
    engine, events = views
    run_id, tenant = events[0].meta.run_id, events[0].meta.tenant_id
    whole, half = RunFold(), RunFold()
    for event in events:
        whole.take(event)
        if event.meta.seq <= 3:
            half.take(event)
    with engine.connect() as connection:
        for seen in (TenantViews(connection, tenant), OperatorViews(connection, "a test")):
            assert history(seen, run_id) == [event_of(event) for event in events]
            assert history(seen, run_id, 2, 1) == [event_of(events[2])]
            assert history(seen, run_id, len(events)) == []
            assert detail(seen, run_id) == whole.detail()
            assert state_at(seen, run_id) == whole.state()
            assert state_at(seen, run_id, 3) == half.state()


@pytest.mark.integration
@pytest.mark.parametrize("ask", [history, detail, state_at])
def test_a_run_of_another_tenant_is_not_there(
    views: tuple[Engine, list[Event]], ask: Callable[[Views, str], object]
) -> None:
    engine, events = views
    run_id = events[0].meta.run_id
    with engine.connect() as connection:
        stranger = TenantViews(connection, "somebody-else")
        with pytest.raises(NotFoundError) as foreign:
            ask(stranger, run_id)
        with pytest.raises(NotFoundError) as absent:
            ask(stranger, "nobody")
    assert str(foreign.value).replace(run_id, "nobody") == str(absent.value)


@pytest.mark.integration
def test_history_ends_before_an_event_that_the_views_do_not_have(
    views: tuple[Engine, list[Event]],
) -> None:
    engine, events = views
    run_id = events[0].meta.run_id
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM run_events WHERE seq = 3")
        seen = OperatorViews(connection, "a test")
        assert [event.seq for event in history(seen, run_id)] == [1, 2]
        assert detail(seen, run_id).seq == 2
        assert queries.timeline(seen, run_id, 2)
        with pytest.raises(NotFoundError, match="have 2 events"):
            state_at(seen, run_id, 3)
