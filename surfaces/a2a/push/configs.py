"""The operations on push notifications: who is told, kept durably and never shown with secrets."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from a2a.types.a2a_pb2 import AuthenticationInfo, TaskPushNotificationConfig
from a2a.utils.errors import (
    InvalidParamsError,
    PushNotificationNotSupportedError,
    TaskNotFoundError,
)

from runfold.infra.gateway.pushed import PushConfig, PushKey, PushStore
from runfold.producers.identity import uuid7
from runfold.surfaces.a2a.calling import Call
from runfold.surfaces.a2a.push.sender import Sender

MOST = 10
"""How many are told of one task."""

MOST_OF_TENANT = 1_000
"""How many are told of all tasks of a tenant that go on."""

_LONGEST = 2_000


class PushConfigs:
    """Keeps who is told; without a store nobody is."""

    def __init__(self, store: PushStore | None, sender: Sender) -> None:
        self._store = store
        self._sender = sender

    @property
    def are_kept(self) -> bool:
        """Whether anybody can be told."""
        return self._store is not None

    async def check(self, call: Call, wanted: TaskPushNotificationConfig) -> None:
        """Raise what is wrong with who is to be told, also where a tenant has as many as may be."""
        store, tenant = self._need(), call.caller.tenant_id
        if why := self._sender.why_not(wanted.url):
            raise InvalidParamsError(f"url: {why}.")
        held = wanted.authentication
        for name, said in (
            ("id", wanted.id),
            ("token", wanted.token),
            ("authentication.scheme", held.scheme),
            ("authentication.credentials", held.credentials),
        ):
            # They go into headers and rows.
            if len(said) > _LONGEST or not said.isascii() or not said.isprintable():
                raise InvalidParamsError(f"{name}: up to {_LONGEST} visible ASCII characters.")
        under_way = await asyncio.to_thread(store.under_way, tenant)
        known = {each.key.config_id for each in await self._of(call, wanted.task_id)}
        if under_way >= MOST_OF_TENANT and wanted.id not in known:
            raise InvalidParamsError(
                f"{under_way:,} push notifications of this tenant are under way, and "
                f"{MOST_OF_TENANT:,} may be: delete some, or wait until their tasks have ended."
            )

    async def add(
        self, call: Call, wanted: TaskPushNotificationConfig
    ) -> TaskPushNotificationConfig:
        """Keep who is told of a task that is there."""
        store, caller = self._need(), call.caller
        key = PushKey(caller.tenant_id, wanted.task_id, wanted.id or uuid7())
        known = await asyncio.to_thread(store.of, *key[:2])
        if len(known) >= MOST and key not in {each.key for each in known}:
            raise InvalidParamsError(f"{len(known)} are told of this task already: delete one.")
        config = PushConfig(
            key,
            caller.user_id,
            call.agent.name,
            wanted.url,
            datetime.now(UTC),
            wanted.token,
            wanted.authentication.scheme,
            wanted.authentication.credentials,
            key_id=caller.key_id,
            until=caller.until,
        )
        await asyncio.to_thread(store.put, config)
        return _shown(config)

    async def get(self, call: Call, task_id: str, config_id: str) -> TaskPushNotificationConfig:
        """Return one; raises TaskNotFoundError."""
        for each in await self._of(call, task_id):
            if each.key.config_id == config_id:
                return _shown(each)
        raise TaskNotFoundError("Nobody is told of this task under this id.")

    async def all(self, call: Call, task_id: str) -> list[TaskPushNotificationConfig]:
        """Return all of a task."""
        return [_shown(each) for each in await self._of(call, task_id)]

    async def delete(self, call: Call, task_id: str, config_id: str) -> None:
        """Forget one; it is the same where there is none."""
        if "\0" not in config_id:
            key = PushKey(call.caller.tenant_id, task_id, config_id)
            await asyncio.to_thread(self._need().delete, key)

    async def _of(self, call: Call, task_id: str) -> list[PushConfig]:
        return await asyncio.to_thread(self._need().of, call.caller.tenant_id, task_id)

    def _need(self) -> PushStore:
        if self._store is None:
            raise PushNotificationNotSupportedError(
                "Nobody is told here: an operator names hosts in RUNFOLD_A2A_PUSH_HOSTS."
            )
        return self._store


def _shown(config: PushConfig) -> TaskPushNotificationConfig:
    """Return a config without its secrets: who made it knows them."""
    shown = TaskPushNotificationConfig(
        task_id=config.key.run_id, id=config.key.config_id, url=config.url
    )
    if config.scheme:
        shown.authentication.CopyFrom(AuthenticationInfo(scheme=config.scheme))
    return shown
