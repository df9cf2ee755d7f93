"""Who is told: where notifications go and where not, in which order, and by one of many."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from a2a.types import a2a_pb2 as a2a
from a2a.utils.errors import InvalidParamsError, PushNotificationNotSupportedError

from runfold.infra.gateway.pushed import MemoryPushStore, PushConfig, PushKey
from runfold.infra.http.outgoing import OutgoingRules
from runfold.producers.client import AsyncRunClient, Hubs, RunClient
from runfold.surfaces.a2a.push.pushing import Pace, Pushing
from runfold.surfaces.a2a.push.sender import HttpSender, SendError
from tests.a2a.calling import agents, calling
from tests.deciders.given import RUN, TENANT
from tests.deciders.given import request as asked
from tests.support.builders.stories import WRITES
from tests.support.stack import wait_until
from tests.surfaces.answering import answering

NEAR = (
    "https://127.0.0.1/x", "https://[::1]/x", "https://10.0.0.1", "https://169.254.169.254/latest",
    "https://[::ffff:127.0.0.1]/", "https://100.64.0.1/", "https://0.0.0.0/", "https://224.0.0.1/",
    "https://[fe80::1%25eth0]/", "https://[64:ff9b::a9fe:a9fe]/", "https://[2002:7f00:1::1]/",
    "https://168.63.129.16/", "https://[2001:0:7f00:1::1]/", "https://[::127.0.0.1]/",
    "https://[fec0::1]/", "https://[64:ff9b:1::808:808]/", "https://198.18.0.1/",
)  # fmt: skip
NO_ADDRESS = (
    "", "x", "ftp://a.example/", "https://", "https://a@b.example/", "https://b.example:99999/",
    "https://b.example/\n", "https://b.example/a b", "https://ü.example/", "http:\\\\b.example",
    "https://b.example/" + "x" * 2000,
)  # fmt: skip


async def sent(sender: HttpSender, url: str) -> None:
    try:
        await sender.send(url, {}, b"{}")
    finally:
        await sender.close()


@pytest.mark.parametrize("url", [*NEAR, *NO_ADDRESS])
def test_nothing_is_sent_near_by_unless_it_is_named(url: str) -> None:
    sender = HttpSender(("*",))
    assert sender.why_not(url)
    with pytest.raises(SendError):
        asyncio.run(sent(sender, url))


def test_a_name_that_leads_near_by_is_looked_at_when_it_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sender = HttpSender(("*",))
    assert sender.why_not("https://localhost/x") == ""

    async def near(*_: Any, **__: Any) -> list[Any]:
        return [(0, 0, 0, "", ("93.184.216.34", 443)), (0, 0, 0, "", ("127.0.0.1", 443))]

    async def send() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", near, raising=False)
        await sent(sender, "https://example.com/x")

    with pytest.raises(SendError, match="not an address of the public internet"):
        asyncio.run(send())


def test_only_hosts_that_are_named_are_told() -> None:
    sender = HttpSender(("hooks.example", "127.0.0.1:81"))
    assert sender.why_not("http://hooks.example:8080/x") == ""
    assert sender.why_not("http://127.0.0.1:81/x") == ""
    assert "RUNFOLD_A2A_PUSH_HOSTS" in sender.why_not("http://127.0.0.1:82/x")
    assert "RUNFOLD_A2A_PUSH_HOSTS" in sender.why_not("https://example.com/")


def test_both_ways_go_through_the_client_for_addresses_of_strangers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that is named may be near by, and is asked as all others are: no redirect, no proxy."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    async def work() -> tuple[list[bytes], list[str]]:
        heads: list[bytes] = []

        async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            status = "204 Taken" if b"/taken" in heads[-1] else "302 Elsewhere"
            answer = f"HTTP/1.1 {status}\r\nlocation: /taken\r\ncontent-length: 0\r\n\r\n"
            writer.write(answer.encode())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(heard, "127.0.0.1", 0)
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        sender = HttpSender((place, "localhost"))
        refusals: list[str] = []
        async with server:
            await sender.send(f"http://{place}/taken", {}, b"{}")
            await sender.send(f"http://localhost:{place.rpartition(':')[2]}/taken", {}, b"{}")
            for url in (f"http://{place}/moved", "http://127.0.0.1:1/"):
                with pytest.raises(SendError) as error:
                    await sender.send(url, {}, b"{}")
                refusals.append(str(error.value))
            await sender.close()
        return heads, refusals

    heads, refusals = asyncio.run(work())
    assert len(heads) == 3
    assert all(b"user-agent: runfold" in each.lower() for each in heads)
    assert "302" in refusals[0]
    assert "RUNFOLD_A2A_PUSH_HOSTS" in refusals[1]


def test_who_may_be_told_of_public_hosts_is_what_webhooks_may_reach() -> None:
    """One rule and its settings: ports, private networks, TLS."""
    sender = HttpSender(("*",))
    assert "RUNFOLD_OUTGOING_PORTS" in sender.why_not("https://example.com:6379/")
    assert "https://" in sender.why_not("http://example.com/")
    inner = OutgoingRules(networks=(ip_network("10.0.0.0/8"),), ports=None)
    assert HttpSender(("*",), inner).why_not("https://10.0.0.1:6379/") == ""


def test_configs_are_kept_shown_without_secrets_and_bounded(tmp_path: Path) -> None:
    async def work(url: str, key: str) -> None:
        async with calling(url, key) as agent:
            create = agent.client.create_task_push_notification_config
            wanted = a2a.TaskPushNotificationConfig(
                task_id=RUN,
                id="a",
                url="https://hooks.example/x",
                token="t0p",
                authentication=a2a.AuthenticationInfo(scheme="Bearer", credentials="s3cret"),
            )
            made = await create(wanted)
            assert (made.id, made.token, made.authentication.credentials) == ("a", "", "")
            get = a2a.GetTaskPushNotificationConfigRequest(task_id=RUN, id="a")
            found = await agent.client.get_task_push_notification_config(get)
            assert found.url == "https://hooks.example/x"
            for wrong in (
                {"url": "https://10.0.0.1/"},
                {"token": "a\r\nx-evil: 1"},
                {"id": "\0"},
                {"token": "x" * 3000},
            ):
                bad = a2a.TaskPushNotificationConfig(task_id=RUN, url="https://hooks.example/")
                bad.MergeFrom(a2a.TaskPushNotificationConfig(**wrong))
                with pytest.raises(InvalidParamsError):
                    await create(bad)
            for number in range(9):
                await create(
                    a2a.TaskPushNotificationConfig(task_id=RUN, id=f"{number}", url=made.url)
                )
            with pytest.raises(InvalidParamsError, match="delete one"):
                await create(a2a.TaskPushNotificationConfig(task_id=RUN, id="ten", url=made.url))
            delete = a2a.DeleteTaskPushNotificationConfigRequest(task_id=RUN, id="a")
            await agent.client.delete_task_push_notification_config(delete)
            rest = a2a.ListTaskPushNotificationConfigsRequest(task_id=RUN)
            listed = await agent.client.list_task_push_notification_configs(rest)
            assert "a" not in [each.id for each in listed.configs]
            assert len(listed.configs) == 9

    log = answering(asked(), WRITES)
    with agents(tmp_path, log, hosts=("hooks.example",)) as served:
        asyncio.run(work(served.url, served.key()))
        other = served.client(tenant="umbrella")
        configs = f"/a2a/agents/worker/tasks/{RUN}/pushNotificationConfigs"
        assert other.get(configs, headers={"a2a-version": "1.0"}).status_code == 404


def test_without_hosts_nobody_is_told(tmp_path: Path) -> None:
    async def work(url: str, key: str) -> None:
        async with calling(url, key) as agent:
            wanted = a2a.TaskPushNotificationConfig(task_id=RUN, url="https://hooks.example/x")
            with pytest.raises(PushNotificationNotSupportedError):
                await agent.client.create_task_push_notification_config(wanted)

    with agents(tmp_path, answering(asked(), WRITES)) as served:
        asyncio.run(work(served.url, served.key()))


def anybody(config: PushConfig, now: datetime) -> str:
    return ""


class Refusing:
    """A sender that is refused at first."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.sent: list[bytes] = []

    def why_not(self, url: str) -> str:
        return ""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        if self.left:
            self.left -= 1
            raise SendError("not now")
        self.sent.append(body)

    async def close(self) -> None:
        return


def config(config_id: str) -> PushConfig:
    key = PushKey(TENANT, RUN, config_id)
    return PushConfig(key, "ada", "worker", "https://hooks.example/x", datetime.now(UTC))


def told(store: MemoryPushStore, config_id: str) -> int:
    return next(e.seq for e in store.of(TENANT, RUN) if e.key.config_id == config_id)


def test_each_state_is_told_in_order_also_where_it_is_refused_at_first() -> None:
    log, store, sender = answering(asked(), WRITES), MemoryPushStore(), Refusing(1)
    hubs = Hubs(log)

    def client(tenant_id: str, user_id: str) -> AsyncRunClient:
        return AsyncRunClient(log, log, tenant_id, user_id, hubs)

    store.put(config("a"))
    first, second = (Pushing(store, sender, client, anybody, Pace(look_s=0.02)) for _ in range(2))
    first.start()
    second.start()
    try:
        wait_until(lambda: len(sender.sent) >= 3)
        until = told(store, "a")
        person = RunClient(log, log, TENANT, "ada")
        person.cancel(RUN, "enough")
        person.close()
        wait_until(lambda: len(sender.sent) == 4)
    finally:
        first.stop()
        second.stop()
        hubs.close()
    states = [json.loads(each)["statusUpdate"]["status"]["state"] for each in sender.sent]
    # Two looked after it, and one of them told it.
    assert [each.removeprefix("TASK_STATE_") for each in states] == [
        "SUBMITTED", "WORKING", "INPUT_REQUIRED", "CANCELED",
    ]  # fmt: skip
    assert told(store, "a") > until
    later = datetime.now(UTC) + timedelta(hours=1)
    assert store.take("x", later, later, 9) == []
    assert store.forget(later) == 1


def test_another_goes_on_after_what_was_told() -> None:
    log, store, sender = answering(asked(), WRITES), MemoryPushStore(), Refusing(0)
    hubs = Hubs(log)
    store.put(config("a"))
    now = datetime.now(UTC)
    store.take("gone", now, now - timedelta(seconds=1), 9)
    events = RunClient(log, log, TENANT, "ada", hubs).events(RUN)
    asks = next(each.meta.seq for each in events if each.type == "ApprovalRequested")
    assert store.told("gone", config("a").key, asks - 1)

    def client(tenant_id: str, user_id: str) -> AsyncRunClient:
        return AsyncRunClient(log, log, tenant_id, user_id, hubs)

    pushing = Pushing(store, sender, client, anybody, Pace(look_s=0.02))
    pushing.start()
    try:
        wait_until(lambda: bool(sender.sent))
    finally:
        pushing.stop()
        hubs.close()
    (only,) = sender.sent
    assert json.loads(only)["statusUpdate"]["metadata"]["runfold"]["seq"] == asks
