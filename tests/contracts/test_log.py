"""What every log guarantees, in memory and on Kafka."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import Producer

from runfold.events import topics
from runfold.events.avro.headers import TIME_CHECKED
from runfold.events.avro.samples import sample
from runfold.events.contents.content import text
from runfold.events.records.commands import CancelRun, Control, RunRequested
from runfold.events.topics import CONTROLS, MAX_INPUT_BYTES, REQUESTS, TOPICS
from runfold.events.values import RunRequest
from runfold.producers.errors import RefusedError, UnavailableError
from runfold.producers.identity import uuid7
from runfold.producers.log.kafka import Publisher, TopicReader
from runfold.producers.log.kafka_tail import KafkaTail
from runfold.producers.log.partitioner import partition_for
from runfold.producers.log.port import Delivery
from runfold.producers.log.tail import Place
from runfold.stack.kafka.topics import ensure_topics
from tests.contracts.logs import CODEC, Log, kafka_log, memory_log
from tests.support.stack import Servers, named_topics


@pytest.fixture(
    params=[
        "memory",
        pytest.param("kafka", marks=pytest.mark.integration),
        pytest.param("named", marks=pytest.mark.integration),
    ]
)
def log(request: pytest.FixtureRequest) -> Log:
    if request.param == "memory":
        return memory_log()
    if request.param == "named":
        return kafka_log(request.getfixturevalue("with_named_topics"), "contract")
    return kafka_log(request.getfixturevalue("with_topics"))


@pytest.fixture(scope="session")
def with_topics(servers: Servers) -> str:
    """A Kafka with every topic; what other tests left there has other keys."""
    ensure_topics(servers.settings.kafka_config(), TOPICS, servers.settings.partitions)
    return servers.bootstrap_servers


@pytest.fixture(scope="module")
def with_named_topics(servers: Servers) -> Iterator[str]:
    """A Kafka with every topic of a deployment that has a name."""
    with named_topics(servers.settings, "contract"):
        yield servers.bootstrap_servers


@pytest.fixture
def key() -> str:
    """A key that nobody used before."""
    return uuid7()


def cancel(run_id: str, reason: str = "") -> Control:
    return CancelRun(
        request_id=uuid7(), run_id=run_id, tenant_id="t", actor_id="me",
        requested_at=datetime.now(UTC), reason=reason,
    )  # fmt: skip


def reasons(found: list[Delivery]) -> list[str]:
    return [each.record.reason for each in found if isinstance(each.record, CancelRun)]


def test_what_was_published_is_read_with_key_headers_and_time(log: Log, key: str) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    control = cancel(key, "why")
    place = log.writer.publish(CONTROLS, control, key)
    [found] = log.reader.read(CONTROLS, key=key)
    assert found.place == place
    assert str(place) == f"{CONTROLS}/{place.partition}/{place.offset}"
    assert (found.key, found.record, found.error) == (key.encode(), control, None)
    assert before < found.appended_at < datetime.now(UTC) + timedelta(seconds=1)
    headers = dict(found.headers)
    assert headers["ce_type"] == b"runfold.CancelRun"
    assert headers["ce_subject"] == key.encode()
    assert headers["ce_id"] == control.request_id.encode()
    assert "traceparent" not in headers


def test_a_key_keeps_its_partition_and_its_order(log: Log, key: str) -> None:
    keys = [f"{key}-{number}" for number in range(12)]
    sent = [(cancel(each, f"{each}/{turn}"), each) for turn in range(3) for each in keys]
    places = log.writer.publish_all(CONTROLS, sent)
    assert len(places) == len(sent)
    by_key: dict[bytes | None, list[Delivery]] = defaultdict(list)
    for delivery in log.reader.read(CONTROLS):
        by_key[delivery.key].append(delivery)
    for each in keys:
        found = by_key[each.encode()]
        assert {delivery.place.partition for delivery in found} == {partition_for(each.encode(), 4)}
        assert reasons(found) == [f"{each}/{turn}" for turn in range(3)]
    assert reasons(list(log.reader.read(CONTROLS, key=keys[0]))) == [
        f"{keys[0]}/{turn}" for turn in range(3)
    ]


def test_reading_what_is_not_there_ends_at_once(log: Log, key: str) -> None:
    assert list(log.reader.read(CONTROLS, key=key)) == []


def test_reading_begins_where_it_is_told(log: Log, key: str) -> None:
    first = log.writer.publish(CONTROLS, cancel(key, "one"), key)
    time.sleep(0.005)
    middle = datetime.now(UTC)
    log.writer.publish_all(CONTROLS, [(cancel(key, "two"), key), (cancel(key, "three"), key)])
    after = {first.partition: first.offset + 2}
    assert reasons(list(log.reader.read(CONTROLS, middle, key=key))) == ["two", "three"]
    assert reasons(list(log.reader.read(CONTROLS, after, key=key))) == ["three"]
    assert reasons(list(log.reader.read(CONTROLS, "latest", key=key))) == []
    later = datetime.now(UTC) + timedelta(hours=1)
    assert reasons(list(log.reader.read(CONTROLS, later, key=key))) == []


def test_reading_ends_where_the_log_ended_when_it_began(log: Log, key: str) -> None:
    for number in range(3):
        log.writer.publish(CONTROLS, cancel(key, f"{number}"), key)
    read = []
    for found in log.reader.read(CONTROLS, key=key):
        read.append(found)
        # Whoever writes as fast as one reads must not keep a reading from its end.
        log.writer.publish(CONTROLS, cancel(key, "meanwhile"), key)
    assert reasons(read) == ["0", "1", "2"]


def test_two_readings_to_the_same_ends_read_the_same(log: Log, key: str) -> None:
    log.writer.publish(CONTROLS, cancel(key, "before"), key)
    ends = log.reader.ends(CONTROLS)
    log.writer.publish(CONTROLS, cancel(key, "after"), key)
    first = list(log.reader.read(CONTROLS, key=key, ends=ends))
    assert reasons(first) == ["before"]
    assert list(log.reader.read(CONTROLS, key=key, ends=ends)) == first
    assert reasons(list(log.reader.read(CONTROLS, key=key))) == ["before", "after"]
    nothing = dict.fromkeys(ends, 0)
    assert list(log.reader.read(CONTROLS, key=key, ends=nothing)) == []


@pytest.mark.integration
def test_what_comes_while_a_time_is_looked_up_is_not_missed(
    with_topics: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, looked_up = kafka_log(with_topics), KafkaTail.from_time
    answers: list[dict[Place, int]] = []

    def from_time(tail: KafkaTail, places: list[Place], millis: int) -> dict[Place, int]:
        answers.append(looked_up(tail, places, millis))
        if len(answers) == 1:
            while datetime.now(UTC) <= start:
                time.sleep(0.01)
            log.writer.publish(CONTROLS, cancel(key, "late"), key)
        return answers[-1]

    monkeypatch.setattr(KafkaTail, "from_time", from_time)
    # Nothing that is there is as young.
    start = datetime.now(UTC) + timedelta(seconds=1)
    assert reasons(list(log.reader.read(CONTROLS, start, key=key))) == ["late"]
    assert set(answers[0].values()) == {-1}


def test_following_hears_what_comes_later_and_ends_when_told(log: Log, key: str) -> None:
    log.writer.publish(CONTROLS, cancel(key, "before"), key)
    heard: list[str] = []
    started, enough = threading.Event(), threading.Event()

    def listen() -> None:
        for each in log.reader.read(CONTROLS, key=key, follow=True, until=enough.is_set):
            heard.extend(reasons([each]))
            started.set()
            if len(heard) == 2:
                enough.set()

    listener = threading.Thread(target=listen)
    listener.start()
    assert started.wait(20)
    log.writer.publish(CONTROLS, cancel("other", "not mine"), "other")
    log.writer.publish(CONTROLS, cancel(key, "after"), key)
    listener.join(20)
    assert not listener.is_alive()
    assert heard == ["before", "after"]


@pytest.mark.parametrize("value", [None, b"", b"rubbish", b"\0\0\0\0\1", b"\0\xff\xff\xff\xff1"])
def test_rubbish_is_delivered_with_its_bytes_and_the_reason(
    log: Log, key: str, value: bytes | None
) -> None:
    log.raw(CONTROLS, value, key)
    log.writer.publish(CONTROLS, cancel(key, "sound"), key)
    bad, good = log.reader.read(CONTROLS, key=key)
    assert (bad.value, bad.record) == (value, None)
    assert bad.error is not None
    assert good.record is not None


def test_what_nobody_could_accept_is_refused_before_it_is_sent(log: Log, key: str) -> None:
    request = sample(RunRequest).model_dump() | {"goal": text("x" * (MAX_INPUT_BYTES + 1))}
    with pytest.raises(RefusedError, match="takes 1,000,000"):
        log.writer.publish(REQUESTS, RunRequested(**request), key)
    with pytest.raises(RefusedError, match=r"runs\.requests carries no CancelRun"):
        log.writer.publish(REQUESTS, cancel(key), key)
    with pytest.raises(RefusedError, match="There is no topic nowhere"):
        list(log.reader.read("nowhere"))
    assert list(log.reader.read(REQUESTS, key=key)) == []


def test_all_or_the_first_failure(log: Log, key: str) -> None:
    assert log.writer.publish_all(CONTROLS, []) == []
    with pytest.raises(RefusedError):
        log.writer.publish_all(CONTROLS, [(cancel(key), key), (sample(RunRequested), key)])
    assert list(log.reader.read(CONTROLS, key=key)) == []


@pytest.mark.integration
def test_what_was_aborted_is_not_read(with_topics: str, key: str) -> None:
    producer = Producer({"bootstrap.servers": with_topics, "transactional.id": f"test-{uuid7()}"})
    producer.init_transactions(20)
    for reason, settle in (
        ("aborted", producer.abort_transaction), ("kept", producer.commit_transaction)
    ):  # fmt: skip
        producer.begin_transaction()
        value = CODEC.encode(CONTROLS, cancel(key, reason))
        at = partition_for(key.encode(), 4)
        producer.produce(CONTROLS, value=value, key=key, partition=at)
        producer.flush(20)
        settle(20)
    found = list(kafka_log(with_topics).reader.read(CONTROLS, key=key))
    assert reasons(found) == ["kept"]


@pytest.mark.integration
def test_java_and_python_agree_with_the_broker_where_a_key_lives(with_topics: str) -> None:
    log = kafka_log(with_topics)
    for number in range(20):
        key = uuid7() if number % 2 else f"k{number}"
        assert log.writer.publish(CONTROLS, cancel(key), key).partition == partition_for(
            key.encode(), 4
        )


def test_a_broker_that_is_away_is_said_in_one_sentence() -> None:
    config = {"bootstrap.servers": "127.0.0.1:1"}
    publisher = Publisher(config, CODEC, timeout=0.5)
    with pytest.raises(UnavailableError, match="Check that the broker runs, and try again"):
        publisher.publish(topics.CONTROLS, cancel("r"), "r")
    publisher.close()


@pytest.mark.integration
def test_a_reader_whose_broker_is_away_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runfold.producers.log.consumers._WAIT_S", 0.5)
    reader = TopicReader({"bootstrap.servers": "127.0.0.1:1"}, CODEC)
    with pytest.raises(UnavailableError, match=r"asking for the partitions of runs\.controls"):
        list(reader.read(CONTROLS))


def test_whoever_asks_for_a_run_learns_the_logs_time(log: Log, key: str) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    asked = sample(RunRequested).model_copy(update={"run_id": key})
    assert isinstance(asked, RunRequested)
    place = log.writer.publish(REQUESTS, asked, key, (TIME_CHECKED,))
    [found] = log.reader.read(REQUESTS, key=key)
    assert TIME_CHECKED in found.headers
    assert place.appended_at == found.appended_at
    assert before < found.appended_at
