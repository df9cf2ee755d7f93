"""Who is told: however many there are, each tenant its part, and no longer than its credential."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from a2a.types import a2a_pb2 as a2a
from a2a.utils.errors import InvalidParamsError

from runfold.infra.gateway.key_store import MemoryKeyStore
from runfold.infra.gateway.pushed import MemoryPushStore, PushConfig, PushKey
from runfold.producers.client import AsyncRunClient, Hubs, RunClient
from runfold.surfaces.a2a.push import configs
from runfold.surfaces.a2a.push.allowed import Allowed, allowed_by
from runfold.surfaces.a2a.push.pushing import Pace, Pushing
from runfold.surfaces.application.governing.api_keys import ApiKeys, KeyWish
from runfold.surfaces.application.governing.doorkeeper import Doorkeeper
from tests.a2a.calling import agents, calling
from tests.deciders.given import RUN, TENANT
from tests.deciders.given import request as asked
from tests.http.serving import HASH_KEY
from tests.support.builders.stories import WRITES
from tests.support.stack import wait_until
from tests.surfaces.answering import AnsweringLog, answering

HOOK = "https://hooks.example/"


@dataclass
class Taking:
    """A receiver of everything."""

    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def why_not(self, url: str) -> str:
        return ""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        self.sent.append((url, json.loads(body)))

    async def close(self) -> None:
        return

    def states(self, url: str) -> list[str]:
        """What was told there, each state once: it is told at least once."""
        updates = [each["statusUpdate"] for to, each in self.sent if to == url]
        states = [each["status"]["state"].removeprefix("TASK_STATE_") for each in updates]
        return list(dict.fromkeys(states))


@dataclass
class Told:
    """Push notifications that are under way."""

    log: AnsweringLog
    store: MemoryPushStore
    sender: Taking
    pushing: Pushing

    def say(self, message: str) -> None:
        person = RunClient(self.log, self.log, TENANT, "ada")
        person.cancel(RUN, message)
        person.close()


def config(config_id: str, **more: Any) -> PushConfig:
    key = PushKey(TENANT, RUN, config_id)
    return PushConfig(key, "ada", "worker", f"{HOOK}{config_id}", datetime.now(UTC), **more)


@contextmanager
def pushing(
    allowed: Allowed, begin: Callable[[MemoryPushStore], object], **more: Any
) -> Iterator[Told]:
    log, store, sender = answering(asked(), WRITES), MemoryPushStore(), Taking()
    hubs = Hubs(log)

    def client(tenant_id: str, user_id: str) -> AsyncRunClient:
        return AsyncRunClient(log, log, tenant_id, user_id, hubs)

    begin(store)
    pace = Pace(look_s=0.02, keep_s=0.05, **more)
    made = Pushing(store, sender, client, allowed, pace)
    made.start()
    try:
        yield Told(log, store, sender, made)
    finally:
        made.stop()
        hubs.close()


def anybody(config: PushConfig, now: datetime) -> str:
    return ""


def test_more_are_told_than_are_followed_at_once() -> None:
    """Those that are quiet make room, and hear what comes when it is their turn again."""
    names = [f"{number}" for number in range(9)]

    def begin(store: MemoryPushStore) -> None:
        for name in names:
            store.put(config(name))

    with pushing(anybody, begin, most=3, turn_s=0.3) as told:
        waits = ["SUBMITTED", "WORKING", "INPUT_REQUIRED"]
        wait_until(lambda: all(told.sender.states(HOOK + name) == waits for name in names), 120)
        told.say("enough")
        ended = [*waits, "CANCELED"]
        wait_until(lambda: all(told.sender.states(HOOK + name) == ended for name in names), 120)
        wait_until(lambda: told.store.under_way(TENANT) == 0)


def test_a_tenant_has_so_many_under_way_and_others_are_not_refused_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configs, "MOST_OF_TENANT", 3)

    async def work(url: str, key: str) -> None:
        async with calling(url, key) as agent:
            create = agent.client.create_task_push_notification_config
            for number in range(3):
                wanted = a2a.TaskPushNotificationConfig(task_id=RUN, id=f"{number}", url=HOOK)
                await create(wanted)
            # One that is there is set again; a new one is refused, with a message as well.
            await create(a2a.TaskPushNotificationConfig(task_id=RUN, id="1", url=HOOK))
            with pytest.raises(InvalidParamsError, match="delete some"):
                await create(a2a.TaskPushNotificationConfig(task_id=RUN, id="3", url=HOOK))
            said = a2a.Message(message_id="m", role=a2a.Role.ROLE_USER, parts=[a2a.Part(text="x")])
            sent = a2a.SendMessageRequest(
                message=said,
                configuration=a2a.SendMessageConfiguration(
                    task_push_notification_config=a2a.TaskPushNotificationConfig(url=HOOK),
                    return_immediately=True,
                ),
            )
            with pytest.raises(InvalidParamsError, match="delete some"):
                _ = [each async for each in agent.client.send_message(sent)]
            delete = a2a.DeleteTaskPushNotificationConfigRequest(task_id=RUN, id="0")
            await agent.client.delete_task_push_notification_config(delete)
            await create(a2a.TaskPushNotificationConfig(task_id=RUN, id="3", url=HOOK))

    with agents(tmp_path, answering(asked(), WRITES), hosts=("hooks.example",)) as served:
        asyncio.run(work(served.url, served.key()))
        assert len(served.log._runs) == 1


@dataclass
class Keys:
    """Keys of a deployment, and what looks at them."""

    store: MemoryKeyStore = field(default_factory=MemoryKeyStore)

    @property
    def made(self) -> ApiKeys:
        return ApiKeys(self.store, HASH_KEY)

    @property
    def allowed(self) -> Allowed:
        return allowed_by(Doorkeeper(self.store, HASH_KEY), ("corp",))

    def key(self, *scopes: str, tenant: str = TENANT) -> str:
        wish = KeyWish("test", tenant, "ada", (), scopes)
        return self.made.create(wish, datetime.now(UTC))[0].key_id


def test_who_was_told_by_a_key_that_is_revoked_is_told_no_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    keys = Keys()
    one, other = keys.key("*"), keys.key("runs:read", "runs:write")

    def begin(store: MemoryPushStore) -> None:
        store.put(config("a", key_id=one))
        store.put(config("b", key_id=other))

    with caplog.at_level(logging.WARNING), pushing(keys.allowed, begin) as told:
        for name in "ab":
            wait_until(lambda name=name: told.sender.states(HOOK + name)[-1:] == ["INPUT_REQUIRED"])
        keys.store.revoke(one, datetime.now(UTC))
        wait_until(lambda: told.store.under_way(TENANT) == 1)
        told.say("enough")
        wait_until(lambda: told.sender.states(HOOK + "b")[-1] == "CANCELED")
        assert told.sender.states(HOOK + "a")[-1] == "INPUT_REQUIRED"
        assert "revoked" in told.store.why(config("a").key)
        (line,) = [each for each in caplog.records if "is ended" in each.getMessage()]
        assert (line.__dict__["run_id"], line.__dict__["credential"]) == (RUN, one)


def test_what_a_credential_set_goes_on_as_long_as_it_holds() -> None:
    keys, now = Keys(), datetime.now(UTC)
    key, later = keys.key("*"), now + timedelta(hours=1)
    made, _ = keys.made.rotate(key, "5m", now)
    allowed, of = keys.allowed, config("a", key_id=key)
    # The key that came in its place counts, until that one is revoked.
    assert allowed(of, later) == ""
    keys.store.revoke(made.key_id, now)
    assert "revoked" in allowed(of, later)
    assert "revoked" in allowed(config("a", key_id="nobody"), now)
    assert "revoked" in allowed(config("a", key_id=keys.key("*", tenant="umbrella")), now)
    assert "runs:write" in allowed(config("a", key_id=keys.key("runs:read")), now)
    token = config("a", key_id="corp/ada", until=later)
    assert allowed(token, now) == ""
    assert "expired" in allowed(token, later)
    assert "expired" in allowed(replace(token, until=None), now)
    assert "not trusted" in allowed(replace(token, key_id="left/ada"), now)


def test_what_is_set_says_with_which_credential(tmp_path: Path) -> None:
    async def work(url: str, key: str) -> None:
        async with calling(url, key) as agent:
            wanted = a2a.TaskPushNotificationConfig(task_id=RUN, id="a", url=HOOK)
            await agent.client.create_task_push_notification_config(wanted)

    store = MemoryPushStore()
    with agents(
        tmp_path, answering(asked(), WRITES), hosts=("hooks.example",), store=store
    ) as served:
        key = served.key()
        asyncio.run(work(served.url, key))
    (kept,) = store.of(TENANT, RUN)
    assert (kept.key_id, kept.until) == (key.split("_")[1], None)
