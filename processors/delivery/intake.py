"""From the log to the tables: what each record calls for, added with the position after it.

The order matters:
1. a batch is read
2. the definitions are read to their end: who subscribed before an event was written gets it
3. what the batch calls for is added, and its positions are moved, in one transaction
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from confluent_kafka import KafkaException

from runfold.events.avro.codec import Codec
from runfold.events.avro.schema import NAMESPACE
from runfold.events.errors import WireError
from runfold.events.run import Event
from runfold.events.topics import EVENTS
from runfold.infra.database.connection import Session
from runfold.infra.process.failpoints import failpoint
from runfold.processors.delivery import metrics, positions
from runfold.processors.delivery.matching import Matcher, matches, wanted_as
from runfold.processors.delivery.notifications.news import TYPES, News, concerns, news_of
from runfold.processors.delivery.notifications.timing import due_at
from runfold.processors.delivery.recent import Recent
from runfold.processors.delivery.rows import Notice, Pending, Wanted
from runfold.producers.errors import UnreadableError, is_fatal
from runfold.producers.log.kafka_tail import KafkaEnds, KafkaTail
from runfold.producers.log.tail import Place, Portion, RawRecord, headers_in, place_of

_AT_ONCE = 1_000
_PREFIX = f"{NAMESPACE}.".encode()

_log = logging.getLogger("runfold.delivery")


class Intake:
    """Reads places as their owner; all calls from one thread."""

    def __init__(
        self,
        kafka: Mapping[str, str | int | float | bool],
        session: Session,
        codec: Codec,
        complete: Callable[[], Matcher],
        owner: str,
        recent: Recent,
        beat: Callable[[str], None],
    ) -> None:
        self._kafka, self._session, self._codec = kafka, session, codec
        self._complete, self._owner, self._recent = complete, owner, recent
        self._beat = beat
        self._tail: KafkaTail | None = None
        self._at: dict[Place, int] = {}
        self._reads = False

    def reading(self) -> dict[Place, int]:
        """Return how far the log was received; nothing while something else is waited for."""
        return dict(self._at) if self._reads else {}

    def begin(self, places: list[Place]) -> dict[Place, int]:
        """Become the owner of places and return where reading begins; raises LogError."""
        self._beat("asking for the ends of the log")
        ends = KafkaEnds(self._kafka).all(places)
        self._beat("taking the positions over")
        found = positions.take_over(
            self._session, {place: end.high for place, end in ends.items()}, self._owner
        )
        starts = {place: max(at, ends[place].low) for place, at in found.items()}
        self._tail = KafkaTail(self._kafka, starts, lookup_s=5.0, aside=_say)
        self._at = dict(starts)
        return starts

    def take(self, wait_s: float) -> list[Pending]:
        """Return what was added; raises Fenced, KafkaException, and errors of psycopg."""
        assert self._tail is not None
        portion = self._received(self._tail, wait_s)
        for fault in portion.faults:
            if is_fatal(fault):
                raise KafkaException(fault)
        moved = {place_of(each): (each.offset() or 0) + 1 for each in portion.records}
        if not moved:
            return []
        self._beat("reading the definitions")
        matcher = self._complete()
        wanted: list[Wanted] = []
        notices: list[Notice] = []
        if not matcher.is_empty:
            for record in portion.records:
                self._take(record, matcher, wanted, notices)
        failpoint("delivery.before_adding")
        self._beat("adding to the tables")
        added = positions.move(self._session, moved, self._owner, wanted, notices)
        failpoint("delivery.after_adding")
        return added

    def _received(self, tail: KafkaTail, wait_s: float) -> Portion:
        self._beat("reading the log")
        self._reads = True
        try:
            portion = tail.take(_AT_ONCE, wait_s)
        finally:
            self._reads = False
        moved = {place_of(each): (each.offset() or 0) + 1 for each in portion.records}
        self._at = self._at | moved
        ends = tail.known_ends()
        metrics.LAG().set(sum(max(0, end - self._at.get(p, end)) for p, end in ends.items()))
        return portion

    def close(self) -> None:
        """Release the connections."""
        if self._tail is not None:
            self._tail.close()
        self._session.close()

    def _take(
        self, raw: RawRecord, matcher: Matcher, wanted: list[Wanted], notices: list[Notice]
    ) -> None:
        kind = _kind(raw)
        is_event = raw.topic() == EVENTS
        if kind and not (kind in TYPES or (is_event and matcher.wants(kind))):
            return
        topic, partition = place_of(raw)
        try:
            record = self._codec.decode(topic, raw.value())
        except WireError as error:
            _log.error("%s/%s/%s tells nobody anything: %s", topic, partition, raw.offset(), error)
            return
        if isinstance(record, Event):
            found = wanted_of(record, partition, raw.offset() or 0, matcher)
            wanted += found
            if found:
                self._recent.keep(partition, raw.offset() or 0, raw.value() or b"")
        news = news_of(record)
        if news is not None:
            notices += notices_of(news, partition, matcher, datetime.now(UTC))


def wanted_of(event: Event, partition: int, offset: int, matcher: Matcher) -> list[Wanted]:
    """Return an event once for each subscription that gets it."""
    tenant = event.meta.tenant_id
    return [
        wanted_as(target.key, event, partition, offset)
        for target in matcher.subscriptions(tenant)
        if matches(target, event)
    ]


def notices_of(news: News, partition: int, matcher: Matcher, now: datetime) -> list[Notice]:
    """Return news once for each subscriber that it concerns."""
    if news.tenant_id:
        targets = matcher.subscribers(news.tenant_id)
    else:
        targets = matcher.shared_subscribers()
    return [
        Notice(
            *target.key,
            event_id=news.event_id,
            tenant_id=news.tenant_id,
            run_id=news.run_id,
            about=news.about,
            said=news.said,
            partition=partition,
            occurred_at=news.time,
            due_at=due_at(target.definition, news.about, now),
        )
        for target in targets
        if concerns(target.definition, news) and (target.since is None or news.time >= target.since)
    ]


def _kind(raw: RawRecord) -> str:
    for name, value in headers_in(raw):
        if name == "ce_type" and value is not None:
            return value.removeprefix(_PREFIX).decode("ascii", "replace")
    return ""


def _say(broken: UnreadableError) -> None:
    _log.critical("deliveries of a partition stand still: %s", broken)
