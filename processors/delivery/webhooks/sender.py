"""Sends what is open: of many receivers at once, of each receiver in the order of each run."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from runfold.events.definitions import Subscription
from runfold.events.errors import EventsError
from runfold.infra.http.outgoing import Outgoing
from runfold.infra.process.failpoints import failpoint
from runfold.processors.delivery import metrics
from runfold.processors.delivery.desk import Desk
from runfold.processors.delivery.rows import Key, Outcome, Pending
from runfold.processors.delivery.webhooks import store
from runfold.processors.delivery.webhooks.attempt import Attempted, attempt
from runfold.processors.delivery.webhooks.health import Health
from runfold.processors.delivery.webhooks.keys import Secrets
from runfold.processors.delivery.webhooks.message import body_of, id_of
from runfold.processors.delivery.webhooks.queue import Queue
from runfold.processors.delivery.webhooks.schedule import PAUSES_S, next_attempt
from runfold.producers.errors import LogError

_TICK_S = 0.2
_FLUSH_S = 0.02
_LANE = 200
_OVER = "the subscription was retired or switched off"

Find = Callable[[Key], Subscription | None]
"""Returns a subscription that is in force."""

EventOf = Callable[[Pending], Awaitable[Any]]
"""Returns the whole event of a delivery in its public form, as the journal has it now."""

Disable = Callable[[Key, str, str], Awaitable[None]]
"""Switches a subscription off: which, a code, and why as a sentence."""


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """``links`` is the gateway's address as receivers see it."""

    links: str = ""
    pauses: tuple[float, ...] = PAUSES_S
    at_once: int = 512


@dataclass(slots=True)
class _Receiver:
    queue: Queue
    made: Subscription


@dataclass(slots=True)
class Sender:
    """The deliveries of a process's partitions; every method is for its loop."""

    desk: Desk
    outgoing: Outgoing
    secrets: Secrets
    find: Find
    event_of: EventOf
    disable: Disable
    health: Health
    partitions: Collection[int]
    settings: SenderSettings = SenderSettings()
    _receivers: dict[Key, _Receiver] = field(default_factory=dict)
    _outcomes: list[Outcome] = field(default_factory=list)
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)
    _moved: asyncio.Event = field(default_factory=asyncio.Event)
    _leaving: set[Key] = field(default_factory=set)
    _orphans: set[Key] = field(default_factory=set)
    _broken: BaseException | None = None
    attempts: int = 0
    """How many attempts began or ended."""

    def add(self, rows: Collection[Pending]) -> None:
        """Take what was added to the tables, in order."""
        by_key: dict[Key, list[Pending]] = {}
        for row in rows:
            by_key.setdefault(row.key, []).append(row)
        for key, those in by_key.items():
            receiver = self._receiver(key)
            if receiver is not None:
                receiver.queue.add(those)
            else:
                # Switched off while they were being added.
                self._orphans.add(key)
        self._moved.set()

    def look_back(self, keys: Collection[Key], number: int) -> None:
        """Read again what is open for subscriptions above a number."""
        for key in keys:
            receiver = self._receiver(key)
            if receiver is not None:
                receiver.queue.look_back(number)
        self._moved.set()

    def hasten(self, waiting: Collection[tuple[Key, str, int]]) -> None:
        """Try now what waits for its next attempt: subscription, run and number of each."""
        for key, run_id, number in waiting:
            if key in self._receivers:
                self._receivers[key].queue.hasten(run_id, number)
        self._moved.set()

    async def settle(self) -> None:
        """Follow what the definitions say now: other addresses, and what is over."""
        for key, receiver in list(self._receivers.items()):
            made = self.find(key)
            if made is not None:
                receiver.made, receiver.queue.widest = made, made.concurrency
                continue
            del self._receivers[key]
            await self._drop(key, _OVER)

    async def run(self) -> None:
        """Send until cancelled; raises psycopg.Error where the tables cannot be used."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pump())
            group.create_task(self._flush_for_ever())
            group.create_task(self._load_for_ever())

    async def end(self, wait_s: float) -> None:
        """Let what is under way end, for some seconds, and put its outcome on record."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=wait_s)
        for task in self._under_way:
            task.cancel()
        await self._flush()

    def aside(self) -> frozenset[Key]:
        """Return the subscriptions of which so many runs wait that nothing more is loaded."""
        return frozenset(key for key, held in tuple(self._receivers.items()) if held.queue.is_full)

    def _receiver(self, key: Key) -> _Receiver | None:
        found = self._receivers.get(key)
        if key in self._leaving:
            return None
        if found is None and (made := self.find(key)) is not None:
            found = self._receivers[key] = _Receiver(Queue(made.concurrency), made)
        return found

    async def _pump(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), _TICK_S)
            self._moved.clear()
            if self._broken is not None:
                raise self._broken
            now, waiting = datetime.now(UTC), 0
            for key, receiver in list(self._receivers.items()):
                self._send(key, receiver, now)
                waiting += receiver.queue.waiting
                if receiver.queue.is_idle:
                    # Made again with its next event: many subscriptions hear of little.
                    del self._receivers[key]
            metrics.WAITING().set(waiting)
            metrics.FLYING().set(len(self._under_way))

    def _send(self, key: Key, receiver: _Receiver, now: datetime) -> None:
        receiver.queue.wake(now)
        while len(self._under_way) < self.settings.at_once:
            row = receiver.queue.next()
            if row is None:
                return
            self._begin(key, receiver, row)

    def _begin(self, key: Key, receiver: _Receiver, row: Pending) -> None:
        task = asyncio.create_task(self._deliver(key, receiver, row))
        self._under_way.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            self._broken = self._broken or task.exception()
        self._moved.set()

    async def _deliver(self, key: Key, receiver: _Receiver, row: Pending) -> None:
        began = datetime.now(UTC)
        self.attempts += 1
        try:
            found = await self._attempt(key, receiver.made, row)
        except (EventsError, LogError) as error:
            # Of one tenant's keys, or of one place of the log: it holds up nobody else.
            found = Attempted("refused", error=f"the event cannot be read: {type(error).__name__}")
        failpoint("delivery.after_answer")
        self.attempts += 1
        await self._note(key, receiver, row, found, began)

    async def _attempt(self, key: Key, made: Subscription, row: Pending) -> Attempted:
        event = await self.event_of(row) if made.contents == "event" else None
        body = body_of(row, self.settings.links, event)
        message_id = id_of(key, row.run_id, row.seq)
        tenant = key.scope or row.tenant_id
        return await attempt(self.outgoing, self.secrets, made, tenant, message_id, body)

    async def _note(
        self, key: Key, receiver: _Receiver, row: Pending, found: Attempted, began: datetime
    ) -> None:
        metrics.ATTEMPTS(found.verdict).inc()
        number, now = row.attempts + 1, datetime.now(UTC)
        due = None
        if found.verdict == "delivered":
            state = "delivered"
            metrics.LATENCY().observe(max(0.0, (now - row.occurred_at).total_seconds()))
            metrics.ANSWERED().observe(found.took_ms / 1000)
        else:
            chance = random.random()  # noqa: S311 - it spreads attempts
            due = next_attempt(number, now, chance, found.asked_s, self.settings.pauses)
            state = "failed" if due is None or found.verdict == "gone" else "open"
        outcome = Outcome(
            row.number, state, number, due, found.code, found.error, found.took_ms, began
        )
        self._outcomes.append(outcome)
        if due is not None and state == "open":
            receiver.queue.failed(row, due)
        else:
            metrics.ENDED(state).inc()
            to = receiver.queue.ended(row, well=found.verdict == "delivered")
            if to is not None:
                await self._load_run(key, receiver, row.run_id, to)
        if self._receivers.get(key) is receiver:
            ill = await self.health.judge(key, found, now)
            if ill is not None:
                await self._switch_off(key, *ill)

    async def _switch_off(self, key: Key, code: str, why: str) -> None:
        del self._receivers[key]
        self._leaving.add(key)
        metrics.DISABLED(code).inc()
        await self.disable(key, code, why)
        await self._drop(key, why)
        self._leaving.discard(key)

    async def _drop(self, key: Key, why: str) -> None:
        # What was tried is to be on record as what became of it.
        await self._flush()
        count = await self.desk.call(store.drop, key, self.partitions, why)
        metrics.ENDED("dropped").inc(count)

    async def _load_run(self, key: Key, receiver: _Receiver, run_id: str, to: int | None) -> None:
        while to is not None:
            await self._flush()
            rows = await self.desk.call(store.load_run, key, run_id, to, _LANE)
            to = receiver.queue.run_loaded(run_id, rows, to, complete=len(rows) < _LANE)
        self._moved.set()

    async def _load_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            while self._orphans:
                await self._drop(self._orphans.pop(), _OVER)
            for key, receiver in list(self._receivers.items()):
                most = receiver.queue.wants
                if most:
                    # What was sent already must not be found open.
                    await self._flush()
                    after = receiver.queue.begin_loading()
                    rows = await self.desk.call(store.load, key, self.partitions, after, most)
                    receiver.queue.fill(rows, complete=len(rows) < most)
                    self._moved.set()

    async def _flush_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_S)
            await self._flush()

    async def _flush(self) -> None:
        if self._outcomes:
            outcomes, self._outcomes = self._outcomes, []
            await self.desk.call(store.note, outcomes)
