"""Has those told who are to be told, however many there are, as long as they may be.

Any number of gateways share the work: a row is one gateway's for a while, and another goes on after
the last event that was told. A gateway follows so many at once, on its one reader of the journal;
where more wait, those that have been quiet longest make room, and come again after them. Whoever
does not take a notification for too long is told no more, nor who was had told with a credential
that is over.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg

from runfold.infra.gateway.errors import GatewayTablesError
from runfold.infra.gateway.pushed import PushConfig, PushKey, PushStore
from runfold.producers.errors import LogError
from runfold.producers.identity import uuid7
from runfold.surfaces.a2a.push.allowed import Allowed
from runfold.surfaces.a2a.push.sender import Sender, SendError
from runfold.surfaces.a2a.push.telling import ClientOf, NotOursError, Telling
from runfold.surfaces.application.errors import ApplicationError

_log = logging.getLogger("runfold.gateway")

_LEASE = timedelta(seconds=60)
_KEPT = timedelta(days=7)
_TAKEN_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Pace:
    """How often it is looked for new ones, and whether those that are told still may be; how many
    are followed at once; how long one is at least where others wait. In seconds.
    """

    look_s: float = 1.0
    keep_s: float = 15.0
    most: int = 2_000
    turn_s: float = 30.0


@dataclass(slots=True)
class _Followed:
    """Who is being told; ``began`` and ``moved``, when an event came, are seconds of the loop."""

    config: PushConfig
    task: asyncio.Task[None]
    began: float
    moved: float


class Pushing:
    """A thread that follows the runs of which somebody is told."""

    def __init__(
        self,
        store: PushStore,
        sender: Sender,
        client: ClientOf,
        allowed: Allowed,
        pace: Pace | None = None,
    ) -> None:
        self._store = store
        self._sender = sender
        self._allowed = allowed
        self._pace = pace or Pace()
        self._owner = uuid7()
        self._telling = Telling(store, sender, client, self._owner)
        self._under_way: dict[PushKey, _Followed] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="pushing", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what was under way is told by whoever takes it next."""
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.run(self._work())

    async def _work(self) -> None:
        self._loop = loop = asyncio.get_running_loop()
        kept_at = loop.time()
        while not self._ended.is_set():
            try:
                await self._take()
                if loop.time() - kept_at > self._pace.keep_s:
                    kept_at = loop.time()
                    await self._keep()
                    await self._look_again()
            except (psycopg.Error, GatewayTablesError) as error:
                _log.debug("nobody can be told now: %s", error)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pace.look_s):
                    await self._ended.wait()
        await _cancelled(self._under_way.values())
        await self._sender.close()

    async def _take(self) -> None:
        now = datetime.now(UTC)
        room = self._pace.most - len(self._under_way)
        if room <= 0:
            await self._make_room(now)
            room = self._pace.most - len(self._under_way)
        wanted = min(room, _TAKEN_AT_ONCE)
        found = await asyncio.to_thread(self._store.take, self._owner, now, now + _LEASE, wanted)
        for config in found:
            if config.key not in self._under_way:
                moment = asyncio.get_running_loop().time()
                task = asyncio.create_task(self._tell_all(config))
                self._under_way[config.key] = _Followed(config, task, moment, moment)

    async def _make_room(self, now: datetime) -> None:
        """Leave those that have been quiet longest to the end of the line, where others wait."""
        most = min(self._pace.most, _TAKEN_AT_ONCE)
        waiting = await asyncio.to_thread(self._store.waiting, now, most)
        before = asyncio.get_running_loop().time() - self._pace.turn_s
        had = [each for each in self._under_way.values() if each.began <= before]
        quiet = sorted(had, key=lambda each: each.moved)[:waiting]
        await _cancelled(quiet)
        # After those that wait: their leases ended before this moment.
        keys = [each.config.key for each in quiet]
        await asyncio.to_thread(self._store.leave, self._owner, keys, now)

    async def _keep(self) -> None:
        now = datetime.now(UTC)
        kept = await asyncio.to_thread(
            self._store.keep, self._owner, tuple(self._under_way), now + _LEASE
        )
        for key in set(self._under_way) - kept:
            self._under_way[key].task.cancel()
        await asyncio.to_thread(self._store.forget, now - _KEPT)

    async def _look_again(self) -> None:
        """End those whose credential is over; one that many were set with is looked at once."""
        now = datetime.now(UTC)
        known: dict[tuple[str, str, datetime | None], str] = {}
        for each in tuple(self._under_way.values()):
            config = each.config
            of = (config.key.tenant_id, config.key_id, config.until)
            if of not in known:
                known[of] = await asyncio.to_thread(self._allowed, config, now)
            if (why := known[of]) and not each.task.done():
                await _cancelled([each])
                await self._end(config, why)

    async def _end(self, config: PushConfig, why: str) -> None:
        _log.warning(
            "a push notification is ended: %s",
            why,
            extra={
                "run_id": config.key.run_id,
                "tenant_id": config.key.tenant_id,
                "config_id": config.key.config_id,
                "credential": config.key_id,
            },
        )
        await asyncio.to_thread(self._store.ended, config.key, datetime.now(UTC), why)

    async def _tell_all(self, config: PushConfig) -> None:
        tenant_id, run_id, _ = config.key
        try:
            if why := await asyncio.to_thread(self._allowed, config, datetime.now(UTC)):
                await self._end(config, why)
                return
            await self._telling.follow(config, lambda: self._touch(config.key))
            await asyncio.to_thread(self._store.ended, config.key, datetime.now(UTC))
        except NotOursError:
            return
        except SendError as error:
            await self._end(config, f"it was not taken: {error}")
        except (LogError, ApplicationError, psycopg.Error, GatewayTablesError) as error:
            # Its lease ends, and whoever takes it then goes on.
            _log.info("%s is not told for now: %s", tenant_id, type(error).__name__)
        except Exception:  # noqa: BLE001 - one that fails must not end the others
            _log.exception("a notification failed", extra={"run_id": run_id})
        finally:
            self._under_way.pop(config.key, None)

    def _touch(self, key: PushKey) -> None:
        if (found := self._under_way.get(key)) is not None:
            found.moved = asyncio.get_running_loop().time()


async def _cancelled(followed: Iterable[_Followed]) -> None:
    """Stop following, and wait until nothing of it is under way."""
    tasks = [each.task for each in followed]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
