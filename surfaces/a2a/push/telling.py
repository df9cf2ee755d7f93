"""Tells one of those who are to be told: each new state of a task, in order, at least once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from weakref import WeakValueDictionary

from a2a.utils.proto_utils import to_stream_response
from google.protobuf.json_format import MessageToJson

from runfold.infra.gateway.pushed import PushConfig, PushStore
from runfold.producers.client import AsyncRunClient
from runfold.surfaces.a2a.closing import closed
from runfold.surfaces.a2a.push.sender import Sender, SendError
from runfold.surfaces.a2a.tasks.folding import TaskFold
from runfold.surfaces.a2a.tasks.updates import Update, updates
from runfold.surfaces.application.runs import async_follow
from runfold.surfaces.application.scope import TenantScope

_TRIES = 8
_LONGEST_PAUSE_S = 60.0
_BEGINS_WITHIN_S = 3600.0
_AT_ONCE_OF_TENANT = 16

ClientOf = Callable[[str, str], AsyncRunClient]
"""Returns a client in the name of a tenant's user."""


class NotOursError(Exception):
    """Another gateway tells it by now."""


class Telling:
    """Follows a run on the gateway's one reader of the journal, and sends what becomes of it.

    A tenant has a few requests under way at once: its slow receivers hold up nobody else's.
    """

    def __init__(self, store: PushStore, sender: Sender, client: ClientOf, owner: str) -> None:
        self._store = store
        self._sender = sender
        self._client = client
        self._owner = owner
        self._of_tenant: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def follow(self, config: PushConfig, moved: Callable[[], object]) -> None:
        """Tell until the run ends; ``moved`` is called at each event that comes.

        Raises SendError where it is not taken for too long, NotOursError, and errors of the log,
        of the run and of the store.
        """
        tenant_id, run_id, _ = config.key
        client, task = self._client(tenant_id, config.user_id), TaskFold()
        own = self._of_tenant.get(tenant_id) or asyncio.Semaphore(_AT_ONCE_OF_TENANT)
        self._of_tenant[tenant_id] = own
        coming = async_follow.followed(
            client, TenantScope(tenant_id), run_id, 0, None, _BEGINS_WITHIN_S
        )
        async with closed(coming):
            async for event in coming:
                moved()
                if event.meta.seq <= config.seq:
                    task.take(event)
                    continue
                new = list(updates(task, event, steps=False))
                for update in new:
                    await self._tell(config, update, own)
                # Only now: what one event brings is told whole, though some of it perhaps twice.
                if new and not await asyncio.to_thread(
                    self._store.told, self._owner, config.key, event.meta.seq
                ):
                    raise NotOursError

    async def _tell(self, config: PushConfig, update: Update, own: asyncio.Semaphore) -> None:
        """Send one, again and again for a while; raises SendError."""
        headers = {"content-type": "application/json"}
        if config.token:
            headers["x-a2a-notification-token"] = config.token
        if config.scheme and config.credentials:
            headers["authorization"] = f"{config.scheme} {config.credentials}"
        body = MessageToJson(to_stream_response(update), indent=None).encode()
        for number in range(1, _TRIES + 1):
            try:
                async with own:
                    await self._sender.send(config.url, headers, body)
            except SendError as error:
                if error.over or number == _TRIES:
                    raise
                await asyncio.sleep(min(2.0 ** (number - 1), _LONGEST_PAUSE_S))
            else:
                return
