"""Delivery for some partitions of the journal, through failures of everything around it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
import uvloop
from confluent_kafka import KafkaException

from runfold.events.avro.codec import Codec
from runfold.events.errors import EventsError, RegistryError, WireError
from runfold.events.run import Event
from runfold.events.topics import ALERTS, EVENTS, TENANT_EVENTS
from runfold.infra.database.connection import Session
from runfold.infra.http.outgoing import Outgoing, OutgoingRules
from runfold.infra.process.stall import Positions
from runfold.infra.process.watchdog import Watchdog
from runfold.infra.secrets.port import SecretStore
from runfold.processors.definitions.source import DefinitionStoreUnavailableError
from runfold.processors.delivery import positions
from runfold.processors.delivery.book import Book
from runfold.processors.delivery.desk import Desk
from runfold.processors.delivery.errors import Fenced
from runfold.processors.delivery.intake import Intake, notices_of
from runfold.processors.delivery.notifications.sender import Notifier
from runfold.processors.delivery.push.sender import Pusher
from runfold.processors.delivery.recent import RecentOnKafka
from runfold.processors.delivery.rows import Key, Pending
from runfold.processors.delivery.settings import DeliverySettings
from runfold.processors.delivery.upkeep.upkeep import Upkeep
from runfold.processors.delivery.webhooks import store
from runfold.processors.delivery.webhooks.health import Health
from runfold.processors.delivery.webhooks.keys import Secrets
from runfold.processors.delivery.webhooks.sender import Sender, SenderSettings
from runfold.processors.delivery.webhooks.watching import Sending
from runfold.producers.errors import LogError
from runfold.producers.log.tail import Place

_WAIT_S = 0.2
_LOOK_S = 1.0
_END_S = 10.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0
_AGAIN = (
    psycopg.Error, KafkaException, RegistryError, LogError, DefinitionStoreUnavailableError,
    EventsError,
)  # fmt: skip

_log = logging.getLogger("runfold.delivery")

Render = Callable[[Event], Any]
"""Returns an event in its public form, as JSON knows it."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the deliveries of a process share.

    ``codec`` leaves what is sealed as it is, since nothing of it is needed to tell whom an event is
    for; ``reading`` opens it, for receivers that get whole events.
    """

    kafka: dict[str, str]
    database_url: str
    codec: Codec
    reading: Codec
    book: Book
    secrets: SecretStore
    rules: OutgoingRules
    settings: DeliverySettings
    render: Render
    owner: str


class _StopError(Exception):
    """It was told to stop."""


class Delivery:
    """Delivers what happens in some partitions until it is stopped or overtaken."""

    def __init__(self, parts: Parts, partitions: Collection[int]) -> None:
        self._parts, self._partitions = parts, tuple(sorted(partitions))
        self._stopping = threading.Event()
        self._watchdog = Watchdog(parts.settings.config.stuck_after)
        self._intake: Intake | None = None
        self._sender: Sender | None = None

    def stop(self) -> None:
        """Let what is under way end and return from ``run``; from any thread."""
        self._stopping.set()

    def reading(self) -> Positions:
        """Return how far the log was received; nothing while something else is waited for."""
        intake = self._intake
        return intake.reading() if intake is not None else {}

    def sending(self) -> Sending | None:
        """Return what is sent and how often it was tried; None while nothing is."""
        sender = self._sender
        if sender is None:
            return None
        return Sending(self._partitions, sender.attempts, sender.aside())

    def run(self) -> None:
        """Deliver; raises Fenced where another process has taken a partition."""
        try:
            self._deliver()
        finally:
            self._watchdog.off()

    def _deliver(self) -> None:
        pause = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            self._watchdog.beat("connecting")
            try:
                uvloop.run(self._session())
            except ExceptionGroup as group:
                error = _first(group)
                if not isinstance(error, _AGAIN):
                    raise error from group
                _log.warning("delivering goes on in %.1f s: %s", pause, _line(error))
            except _AGAIN as error:
                _log.warning("delivering goes on in %.1f s: %s", pause, _line(error))
            else:
                return
            self._stopping.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def _session(self) -> None:
        parts = self._parts
        desk, reader = Desk(parts.database_url), ThreadPoolExecutor(1, "delivery-reader")
        recent = RecentOnKafka(parts.kafka)
        intake = Intake(
            parts.kafka,
            Session.to(parts.database_url),
            parts.codec,
            parts.book.complete,
            parts.owner,
            recent,
            self._watchdog.beat,
        )
        outgoing = Outgoing(parts.rules)
        sender, notifier = self._made(desk, outgoing, recent)
        try:
            await self._work(intake, reader, desk, sender, notifier)
        finally:
            self._intake = self._sender = None
            # The reader may be adding: nothing is added for these partitions after this.
            await asyncio.to_thread(reader.shutdown, wait=True)
            intake.close()
            await sender.end(_END_S)
            await outgoing.close()
            await asyncio.to_thread(desk.close)

    async def _work(
        self,
        intake: Intake,
        reader: ThreadPoolExecutor,
        desk: Desk,
        sender: Sender,
        notifier: Notifier,
    ) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(reader, intake.begin, self._places())
        await sender.health.begin()
        seen = await self._added(desk)
        await self._look_back(desk, sender, 0)
        self._intake, self._sender = intake, sender

        async def read() -> None:
            while True:
                sender.add(await loop.run_in_executor(reader, intake.take, _WAIT_S))

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(read())
                group.create_task(sender.run())
                group.create_task(notifier.run())
                group.create_task(self._watch(desk, sender, seen))
                group.create_task(self._until_stopped())
                if 0 in self._partitions:
                    group.create_task(self._upkeep(sender.secrets))
        except* _StopError:
            pass

    def _places(self) -> list[Place]:
        """Return what is read: alerts, of one partition, by the owner of partition 0."""
        places = [(topic, each) for topic in (EVENTS, TENANT_EVENTS) for each in self._partitions]
        return [*places, (ALERTS, 0)] if 0 in self._partitions else places

    def _made(
        self, desk: Desk, outgoing: Outgoing, recent: RecentOnKafka
    ) -> tuple[Sender, Notifier]:
        parts, settings = self._parts, self._parts.settings
        secrets = Secrets(parts.secrets)

        async def event_of(row: Pending) -> Any:
            value = await asyncio.to_thread(recent.value, row.partition, row.journal_offset)
            try:
                found = parts.reading.decode(EVENTS, value)
            except WireError:
                return None
            return parts.render(found) if isinstance(found, Event) else None

        async def disable(key: Key, code: str, why: str) -> None:
            now = datetime.now(UTC)
            news = await asyncio.to_thread(parts.book.switch_off, key, why, now)
            await desk.call(store.disable, key, why, now)
            notices = notices_of(news, self._partitions[0], parts.book.current(), now)
            await desk.call(positions.tell, notices)
            _log.warning("%s", news.said, extra={"code": code})

        sender = Sender(
            desk,
            outgoing,
            secrets,
            parts.book.subscription,
            event_of,
            disable,
            Health(desk, settings.failing),
            self._partitions,
            SenderSettings(settings.links, settings.pauses, parts.rules.connections),
        )
        notifier = Notifier(
            desk,
            outgoing,
            secrets,
            Pusher(desk, outgoing, secrets, settings.push),
            parts.book.subscriber,
            self._partitions,
            parts.owner,
            settings.links,
            settings.mail,
        )
        return sender, notifier

    async def _upkeep(self, secrets: Secrets) -> None:
        parts = self._parts
        desk = Desk(parts.database_url)
        try:
            await Upkeep(desk, secrets, parts.book.current, parts.settings.keep).run()
        finally:
            await asyncio.to_thread(desk.close)

    async def _watch(self, desk: Desk, sender: Sender, seen: int) -> None:
        """Find what replays have added, follow the definitions, and notice another owner."""
        position = -1
        while True:
            known = self._parts.book.current().definitions.position
            if known != position:
                position = known
                await sender.settle()
            added = await self._added(desk)
            if added > seen:
                await self._look_back(desk, sender, seen)
                sender.hasten(await desk.call(store.hastened, self._partitions))
                seen = added
            await asyncio.sleep(_LOOK_S)

    async def _added(self, desk: Desk) -> int:
        owner = self._parts.owner
        return await desk.call(positions.added_by_others, EVENTS, self._partitions, owner)

    async def _look_back(self, desk: Desk, sender: Sender, after: int) -> None:
        keys = await desk.call(store.backlog, self._partitions, after)
        in_force = {key for key in keys if self._parts.book.subscription(key) is not None}
        sender.look_back(in_force, after)
        for key in set(keys) - in_force:
            why = "the subscription was retired or switched off"
            await desk.call(store.drop, key, self._partitions, why)

    async def _until_stopped(self) -> None:
        while not self._stopping.is_set():  # noqa: ASYNC110 - another thread sets it
            await asyncio.sleep(_WAIT_S / 2)
        raise _StopError


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return what ended a session: that it was overtaken, where that is among it."""
    leaves: list[BaseException] = []
    for each in group.exceptions:
        leaves += [_first(each)] if isinstance(each, BaseExceptionGroup) else [each]
    return next((each for each in leaves if isinstance(each, Fenced)), leaves[0])


def _line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0] or type(error).__name__
