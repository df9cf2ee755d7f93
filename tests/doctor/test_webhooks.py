"""The doctor says which receivers fail, which secrets are missing, and what nobody has sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from runfold.events.definitions import Subscription
from runfold.events.topics import EVENTS
from runfold.infra.database.connection import Session
from runfold.processors.delivery import positions
from runfold.processors.delivery.rows import Key, Notice
from runfold.processors.delivery.webhooks import store
from runfold.producers.log.kafka import Publisher, TopicReader
from runfold.projections import schema
from runfold.stack.settings import Settings
from runfold.surfaces.application.governing.definitions import Governing, Who
from runfold.surfaces.doctor import webhooks
from runfold.surfaces.doctor.deployment import Deployment, Limits
from runfold.surfaces.doctor.finding import Level
from tests.delivery.rows import added, ended, tables_at, wanted
from tests.delivery.running import publish, run_of
from tests.support import journal
from tests.support.builders.history import CODEC

pytestmark = pytest.mark.integration


@pytest.fixture
def deployment(settings: Settings) -> Iterator[Deployment]:
    made = Deployment(
        kafka={name: str(value) for name, value in settings.kafka_config().items()},
        reader=TopicReader(settings.kafka_config(), CODEC),
        engine=schema.engine(settings.database_url),
        home=settings.home,
        limits=Limits(delivery_lags_s=0),
    )
    yield made
    made.engine.dispose()


def said(deployment: Deployment) -> list[tuple[Level, str, str]]:
    return [(each.level, each.what, each.todo) for each in webhooks.check(deployment)]


def hook(name: str) -> Subscription:
    return Subscription(
        name=name, version="1.0.0", url="https://hooks.example/x", events=("*",),
        secrets=("webhook-2", "webhook"),
    )  # fmt: skip


def test_what_is_wrong_with_webhooks_is_found_and_says_what_to_do(
    settings: Settings, deployment: Deployment
) -> None:
    ((level, what, _),) = said(deployment)
    assert (level, what) == (Level.OK, "nobody subscribes to anything")
    publish(settings, hook("fails"), hook("gone"), hook("slow"), hook("well"), tenant="acme")
    ((level, what, todo),) = said(deployment)
    assert (level, what.split(":")[0]) == (
        Level.WRONG, "no process that delivers has ever run here",
    )  # fmt: skip
    assert "runfold up" in todo

    now = datetime.now(UTC)
    with tables_at(settings.database_url) as session:
        for number in range(settings.partitions):
            positions.take_over(session, {(EVENTS, number): 0}, "me")
        ((level, what, _),) = said(deployment)
        assert (level, what) == (
            Level.OK, "4 subscriptions, and none of their receivers fails",
        )  # fmt: skip
        plant(session, settings, now)
        found = said(deployment)
    of = {what.split(" of ")[0]: (level, what, todo) for level, what, todo in found}
    level, what, todo = of["the receiver"]
    assert level is Level.WARNING
    assert "fails of acme fails since 3.0 h; 1 deliveries are open" in what
    assert "`runfold webhooks log fails --tenant acme --state open`" in todo
    level, what, todo = of["gone"]
    assert (level, what) == (Level.WARNING, "gone of acme was switched off: it answered 410")
    assert f"replay gone --tenant acme --from {now:%Y-%m-%dT%H:%MZ}" in todo
    assert "1 deliveries for slow" in of["1 deliveries for slow"][1]
    level, what, todo = of["well"]
    assert level is Level.WRONG
    assert "names the secret webhook-2" in what
    assert "RUNFOLD_SECRET_WEBHOOK_2" in todo
    (unread,) = [what for _, what, _ in found if what.startswith("delivery has not read")]
    assert "runs.events/1 from offset 0 on" in unread
    (person,) = [(what, todo) for _, what, todo in found if "notifications" in what]
    assert "1 notifications of the last day did not arrive; the newest: no mail server" in person[0]
    assert "--state failed" in person[1]


def plant(session: Session, settings: Settings, now: datetime) -> None:
    """Have one fault of each kind."""
    journal.write(settings.bootstrap_servers, [run_of(1, settings)])
    (row,) = added(session, wanted("r1", 1, "fails"))
    ended(session, row, "open", due_at=now + timedelta(hours=1))
    store.receivers(session, [Key("acme", "fails")], ok=False, at=now - timedelta(hours=3))
    added(session, wanted("r1", 1, "slow"))
    store.note_secrets(session, {Key("acme", "well"): ["webhook-2"]})
    store.disable(session, Key("acme", "gone"), "it answered 410", now)
    writer = Publisher(settings.kafka_config(), CODEC)
    reader = TopicReader(settings.kafka_config(), CODEC)
    Governing(reader, writer, Who("runfold/delivery", "it answered 410"), "acme").switch(
        "subscription/gone", stopped=True
    )
    writer.close()
    positions.tell(
        session,
        [Notice("acme", "ada", "e", "acme", "r1", "failed", "It failed.", 0, now, now)],
    )
    session.execute(
        "UPDATE runfold.notifications SET state = 'failed', done_at = now(),"
        " error = 'no mail server is set'"
    )
