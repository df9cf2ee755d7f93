"""The tail of a topic: one reader per process, whoever follows.

1. It takes its place at the end of every partition, and says so to those who wait for it.
2. It hands each record to those who follow its run, and to those who watch its tenant; what
   nobody wants is not decoded.
3. After a fault of the log it goes on from where it was, with a new reader. A broker that has
   just come back may not know its topics: a refusal ends those who follow only where it lasts.
4. A while after the last follower has gone it stops; the next one starts it again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from runfold.events.records.deltas import ModelDelta
from runfold.events.run import Event
from runfold.producers.errors import FatalError, LogError, RefusedError, UnavailableError
from runfold.producers.follow.owners import Owners
from runfold.producers.follow.subscription import Buffer, Subscription, Watch
from runfold.producers.log.port import Delivery, LogReader

LIMIT = 1_000
"""How many events a follower may be behind, unless it says otherwise."""

PATIENCE_S = 60.0
"""How long a log that answered before may be away, or refuse, before a follower is told."""


class Tail:
    """Hands each new record of a ``kind`` to those who follow its run; any thread may use it."""

    def __init__(
        self,
        reader: LogReader,
        topic: str,
        *,
        idle_s: float = 10.0,
        again_s: float = 0.5,
        patience_s: float = PATIENCE_S,
        kind: type[Event | ModelDelta] = Event,
    ) -> None:
        self._kind = kind
        self._reader = reader
        self._topic = topic
        self._idle_s = idle_s
        self._again_s = again_s
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._followers: dict[bytes, set[Subscription]] = {}
        self._watches: frozenset[Watch] = frozenset()
        self._owners = Owners()
        self._handed: dict[int, int] = {}
        self._thread: threading.Thread | None = None
        self._positioned: Future[None] = Future()
        self._closed = threading.Event()
        self._alone_since = time.monotonic()

    def subscribe(self, run_id: str, wake: Callable[[], None], limit: int = LIMIT) -> Subscription:
        """Return a run's subscription at once; raises FatalError where this tail is closed."""
        with self._lock:
            made = Subscription(run_id, limit, wake, self._started())
            self._followers.setdefault(run_id.encode(), set()).add(made)
            return made

    def watch(
        self,
        tenant_id: str,
        types: frozenset[str] | None,
        wake: Callable[[], None],
        limit: int = LIMIT,
    ) -> Watch:
        """Return a watch of a tenant's runs at once; raises FatalError where this tail is closed.

        A record that cannot be read is not offered: whose it is cannot be said.
        """
        with self._lock:
            made = Watch(tenant_id, types, limit, wake, self._started())
            self._watches |= {made}
            return made

    def unwatch(self, watch: Watch) -> None:
        """Offer nothing more to this watch."""
        with self._lock:
            self._watches -= {watch}
            self._alone_since = time.monotonic()

    def handed(self) -> dict[int, int]:
        """Return the next offset of each partition: what is before was offered to its watches."""
        return dict(self._handed)

    def _started(self) -> Future[None]:
        """Have the thread run, and return when it has its place. The lock is held."""
        if self._closed.is_set():
            raise FatalError("This client is closed: make a new one.")
        if self._thread is None:
            self._positioned = Future()
            # Nobody may cancel it: others wait for it too.
            self._positioned.set_running_or_notify_cancel()
            self._thread = threading.Thread(
                target=self._run, args=(self._positioned,), name="runfold-tail", daemon=True
            )
            self._thread.start()
        return self._positioned

    def unsubscribe(self, subscription: Subscription) -> None:
        """Offer nothing more to this subscription."""
        with self._lock:
            key = subscription.run_id.encode()
            others = self._followers.get(key, set())
            others.discard(subscription)
            if not others:
                self._followers.pop(key, None)
            self._alone_since = time.monotonic()

    def close(self) -> None:
        """Stop; those who still follow receive a FatalError."""
        self._closed.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(10)

    def _run(self, positioned: Future[None]) -> None:
        try:
            positions = dict(self._reader.ends(self._topic))
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear it
            with self._lock:
                self._thread = None
            positioned.set_exception(error)
            return
        self._handed = dict(positions)
        positioned.set_result(None)
        refused_since: float | None = None
        while True:
            began = time.monotonic()
            try:
                self._read(positions)
            except (UnavailableError, FatalError):
                refused_since = None
                self._closed.wait(self._again_s)
            except RefusedError as error:
                now = time.monotonic()
                if refused_since is None or now - began > self._patience_s:
                    refused_since = now
                if now - refused_since >= self._patience_s:
                    self._end(error)
                    return
                self._closed.wait(self._again_s)
            except Exception as error:  # noqa: BLE001 - as above: a follower must not wait in vain
                self._end(error)
                return
            if self._closed.is_set():
                self._end(FatalError("This client is closed: make a new one."))
                return
            with self._lock:
                if self._idle():
                    self._thread = None
                    return

    def _read(self, positions: dict[int, int]) -> None:
        """Hand out what comes, until nobody follows any more."""

        def is_wanted(found: Delivery) -> bool:
            positions[found.place.partition] = found.place.offset + 1
            if found.key in self._followers:
                return True
            watches = self._watches
            if watches and self._owners.may_want(found, watches):
                return True
            self._handed[found.place.partition] = found.place.offset + 1
            return False

        def is_over() -> bool:
            return self._closed.is_set() or self._idle()

        for found in self._reader.read(
            self._topic, dict(positions), follow=True, until=is_over, only=is_wanted
        ):
            self._hand_out(found)
            self._handed[found.place.partition] = found.place.offset + 1

    def _idle(self) -> bool:
        alone = not self._followers and not self._watches
        return alone and time.monotonic() - self._alone_since > self._idle_s

    def _hand_out(self, found: Delivery) -> None:
        item = found.record if found.error is None else found.error
        if not isinstance(item, (self._kind, Exception)):
            return
        with self._lock:
            followers = tuple(self._followers.get(found.key or b"", ()))
        for each in followers:
            each.offer(item)
        if self._watches and isinstance(item, Event):
            self._owners.learn(found.key or b"", item.meta.tenant_id)
            for watch in self._watches:
                if watch.wants(item):
                    watch.offer(found)

    def _end(self, error: Exception) -> None:
        """Tell everybody that nothing more will come, and why."""
        with self._lock:
            self._thread = None
            followers: list[Buffer[Any]] = [*self._watches]
            followers += [each for some in self._followers.values() for each in some]
        reason = error if isinstance(error, LogError) else FatalError(f"Reading failed: {error!r}")
        for each in followers:
            each.offer(reason)
