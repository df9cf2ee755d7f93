"""Tells who is to be told: each new state of a task, in order, at least once.

Any number of gateways share the work: a row is one gateway's for a while, and another goes on after
the last event that was told. Whoever does not take a notification for too long is told no more.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import psycopg
from a2a.utils.proto_utils import to_stream_response
from google.protobuf.json_format import MessageToJson

from runfold.infra.gateway.errors import GatewayTablesError
from runfold.infra.gateway.pushed import PushConfig, PushKey, PushStore
from runfold.producers.client import AsyncRunClient
from runfold.producers.errors import LogError
from runfold.producers.identity import uuid7
from runfold.surfaces.a2a.closing import closed
from runfold.surfaces.a2a.push.sender import Sender, SendError
from runfold.surfaces.a2a.tasks.folding import TaskFold
from runfold.surfaces.a2a.tasks.updates import Update, updates
from runfold.surfaces.application.errors import ApplicationError
from runfold.surfaces.application.runs import async_follow
from runfold.surfaces.application.scope import TenantScope

_log = logging.getLogger("runfold.gateway")

_LEASE = timedelta(seconds=60)
_KEEP_EVERY = timedelta(seconds=15)
_KEPT = timedelta(days=7)
_MOST = 200
_TRIES = 8
_LONGEST_PAUSE_S = 60.0
_BEGINS_WITHIN_S = 3600.0

ClientOf = Callable[[str, str], AsyncRunClient]
"""Returns a client in the name of a tenant's user."""


class _NotOursError(Exception):
    """Another gateway tells it by now."""


class Pushing:
    """A thread that follows the runs of which somebody is told."""

    def __init__(
        self, store: PushStore, sender: Sender, client: ClientOf, look_s: float = 1.0
    ) -> None:
        self._store = store
        self._sender = sender
        self._client = client
        self._look_s = look_s
        self._owner = uuid7()
        self._telling: dict[PushKey, asyncio.Task[None]] = {}
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
        self._loop = asyncio.get_running_loop()
        kept_at = datetime.now(UTC)
        while not self._ended.is_set():
            try:
                await self._take()
                if datetime.now(UTC) - kept_at > _KEEP_EVERY:
                    kept_at = datetime.now(UTC)
                    await self._keep()
            except (psycopg.Error, GatewayTablesError) as error:
                _log.debug("nobody can be told now: %s", error)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look_s):
                    await self._ended.wait()
        under_way = tuple(self._telling.values())
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    async def _take(self) -> None:
        now, room = datetime.now(UTC), _MOST - len(self._telling)
        if room <= 0:
            return
        found = await asyncio.to_thread(self._store.take, self._owner, now, now + _LEASE, room)
        for config in found:
            if config.key not in self._telling:
                self._telling[config.key] = asyncio.create_task(self._tell_all(config))

    async def _keep(self) -> None:
        now = datetime.now(UTC)
        kept = await asyncio.to_thread(
            self._store.keep, self._owner, tuple(self._telling), now + _LEASE
        )
        for key in set(self._telling) - kept:
            self._telling[key].cancel()
        await asyncio.to_thread(self._store.forget, now - _KEPT)

    async def _tell_all(self, config: PushConfig) -> None:
        tenant_id, run_id, _ = config.key
        try:
            await self._follow(config)
            await asyncio.to_thread(self._store.ended, config.key, datetime.now(UTC))
        except _NotOursError:
            return
        except SendError as error:
            why = str(error)
            _log.warning("a notification is given up: %s", why, extra={"run_id": run_id})
            await asyncio.to_thread(self._store.ended, config.key, datetime.now(UTC))
        except (LogError, ApplicationError, psycopg.Error, GatewayTablesError) as error:
            # Its lease ends, and whoever takes it then goes on.
            _log.info("%s is not told for now: %s", tenant_id, type(error).__name__)
        except Exception:  # noqa: BLE001 - one that fails must not end the others
            _log.exception("a notification failed", extra={"run_id": run_id})
        finally:
            self._telling.pop(config.key, None)

    async def _follow(self, config: PushConfig) -> None:
        tenant_id, run_id, _ = config.key
        client, task = self._client(tenant_id, config.user_id), TaskFold()
        coming = async_follow.followed(
            client, TenantScope(tenant_id), run_id, 0, None, _BEGINS_WITHIN_S
        )
        async with closed(coming):
            async for event in coming:
                if event.meta.seq <= config.seq:
                    task.take(event)
                    continue
                new = list(updates(task, event, steps=False))
                for update in new:
                    await self._tell(config, update)
                # Only now: what one event brings is told whole, though some of it perhaps twice.
                if new and not await asyncio.to_thread(
                    self._store.told, self._owner, config.key, event.meta.seq
                ):
                    raise _NotOursError

    async def _tell(self, config: PushConfig, update: Update) -> None:
        """Send one, again and again for a while; raises SendError."""
        headers = {"content-type": "application/json"}
        if config.token:
            headers["x-a2a-notification-token"] = config.token
        if config.scheme and config.credentials:
            headers["authorization"] = f"{config.scheme} {config.credentials}"
        body = MessageToJson(to_stream_response(update), indent=None).encode()
        for number in range(1, _TRIES + 1):
            try:
                await self._sender.send(config.url, headers, body)
            except SendError as error:
                if error.over or number == _TRIES:
                    raise
                await asyncio.sleep(min(2.0 ** (number - 1), _LONGEST_PAUSE_S))
            else:
                return
