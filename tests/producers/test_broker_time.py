"""A client whose clock is not the broker's says so, before a run processor drops its requests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from runfold.events import topics
from runfold.events.avro.headers import TIME_CHECKED
from runfold.processors.run.aggregate import CLOCK_SLACK, DEDUPE_HORIZON, screen
from runfold.producers.client import AsyncRunClient, RunClient
from runfold.producers.client.broker_time import BOUND, OLDEST, BrokerTime
from runfold.producers.errors import RefusedError
from runfold.producers.identity import uuid7
from runfold.producers.log.memory import MemoryLog
from runfold.producers.log.port import RecordPlace
from tests.contracts.logs import CODEC
from tests.deciders.given import request
from tests.producers.clients import driven

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOURS = timedelta(hours=1)
MINUTES = timedelta(minutes=1)


class Elsewhere(MemoryLog):
    """A log whose broker has another clock than this machine."""

    ahead = timedelta()

    def append(
        self,
        topic: str,
        value: bytes | None,
        key: bytes,
        headers: Sequence[tuple[str, bytes | None]] = (),
        appended_at: datetime | None = None,
    ) -> RecordPlace:
        return super().append(topic, value, key, tuple(headers), datetime.now(UTC) + self.ahead)


@pytest.fixture
def log() -> Elsewhere:
    return Elsewhere(CODEC, [topic.name for topic in topics.TOPICS])


@pytest.fixture(params=["blocking", "asyncio"])
def client(request: pytest.FixtureRequest, log: Elsewhere) -> Iterator[RunClient]:
    if request.param == "asyncio":
        with driven(AsyncRunClient(log, log)) as found:
            yield found
        return
    blocking = RunClient(log, log)
    yield blocking
    blocking.close()


def test_the_bounds_are_those_by_which_requests_are_dropped() -> None:
    assert (BOUND, OLDEST) == (CLOCK_SLACK, DEDUPE_HORIZON)


@pytest.mark.parametrize(("ahead", "said"), [(2, "behind"), (-2, "ahead of")])
def test_a_request_that_begins_nothing_is_no_success(
    client: RunClient, log: Elsewhere, ahead: int, said: str
) -> None:
    log.ahead = ahead * HOURS
    with pytest.raises(RefusedError, match=f"begins nothing.*clock is 120 minutes {said} the"):
        client.request("count", "counter")
    with pytest.raises(RefusedError, match=f"Nothing was sent: .*120 minutes {said} the broker's"):
        client.request("count", "counter")
    (sent,) = log.read(topics.REQUESTS)
    assert TIME_CHECKED in sent.headers
    # What others say is not held against this machine's clock.
    client.cancel(uuid7())


def test_whoever_speaks_for_somebody_else_knows_it_too(log: Elsewhere) -> None:
    client = RunClient(log, log)
    log.ahead = 2 * HOURS
    with pytest.raises(RefusedError):
        client.request("count", "counter")
    with pytest.raises(RefusedError, match="Nothing was sent"):
        client.in_name_of("acme").request("count", "counter")
    client.close()


def test_a_request_that_is_taken_stands(
    client: RunClient, log: Elsewhere, caplog: pytest.LogCaptureFixture
) -> None:
    log.ahead = 20 * MINUTES
    assert client.request("count", "counter")
    assert "20 minutes behind the broker's" in caplog.messages[0]
    assert client.request("count", "counter")
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(
    ("behind", "begins"), [(-4, True), (-6, False), (6, True), (59, True), (61, False)]
)
def test_what_is_sent_is_what_begins(behind: int, begins: bool) -> None:
    """A clock may be behind by nearly an hour and ahead by five minutes, as ids may be."""
    machine = Machine()
    broker = NOON + behind * MINUTES
    clock = BrokerTime(lambda: machine.time, lambda: machine.seconds)
    with suppress(RefusedError):
        clock.learn(uuid7(NOON), broker, checked=True)
    assert (screened(uuid7(NOON), broker) is None) is begins
    if begins:
        assert clock.check(uuid7(machine.time)) == (TIME_CHECKED,)
    else:
        with pytest.raises(RefusedError, match="Nothing was sent"):
            clock.check(uuid7(machine.time))


def screened(run_id: str, appended_at: datetime) -> str | None:
    return screen(request().model_copy(update={"run_id": run_id}), appended_at)


def test_a_clock_that_was_set_on_the_way_is_told_all_the_same() -> None:
    """Whoever says that it looks must tell whatever the run processor then keeps no letter of."""
    machine = Machine()
    clock = BrokerTime(lambda: machine.time, lambda: machine.seconds)
    run_id = uuid7(NOON + 10 * MINUTES)
    machine.time = NOON + 10 * MINUTES
    assert clock.check(run_id)
    machine.time = NOON
    with pytest.raises(RefusedError, match="begins nothing"):
        clock.learn(run_id, NOON, checked=True)


def test_an_old_id_is_no_fault_of_the_clock(client: RunClient, log: Elsewhere) -> None:
    run_id = uuid7(datetime.now(UTC) - 3 * HOURS)
    assert client.request("count", "counter", run_id=run_id) == run_id
    (sent,) = log.read(topics.REQUESTS)
    assert TIME_CHECKED not in sent.headers


class Machine:
    time, seconds = NOON, 50.0

    def knows(self, broker: datetime) -> BrokerTime:
        clock = BrokerTime(lambda: self.time, lambda: self.seconds)
        with suppress(RefusedError):
            clock.learn(uuid7(self.time), broker, checked=True)
        return clock

    def asks(self, clock: BrokerTime) -> object:
        return clock.check(uuid7(self.time))

    def passes(self, span: timedelta) -> None:
        self.time += span
        self.seconds += span.total_seconds()


def test_what_was_learned_is_believed_for_a_minute() -> None:
    machine = Machine()
    clock = machine.knows(NOON - 10 * MINUTES)
    machine.passes(MINUTES)
    with pytest.raises(RefusedError):
        machine.asks(clock)
    machine.passes(MINUTES)
    assert machine.asks(clock)


def test_a_clock_that_was_set_is_compared_again() -> None:
    machine = Machine()
    clock = machine.knows(NOON - 10 * MINUTES)
    machine.time -= 10 * MINUTES
    assert machine.asks(clock)


def test_a_jump_of_both_clocks_refuses_nothing() -> None:
    machine = Machine()
    clock = machine.knows(NOON)
    machine.time += 2 * HOURS
    assert machine.asks(clock)


def test_a_log_that_stamps_nothing_says_nothing() -> None:
    machine = Machine()
    clock = machine.knows(NOON)
    clock.learn(uuid7(), None, checked=True)
    assert machine.asks(clock)
