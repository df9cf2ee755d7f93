"""A gateway on a real socket, over a log in memory behind which a run processor seems to sit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg

from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.infra.credentials.bearer.verifying import Verifier
from runfold.infra.gateway.asked import MemoryAskedStore
from runfold.infra.gateway.key_store import MemoryKeyStore
from runfold.infra.settings.kinds import Network
from runfold.producers.client import Hubs
from runfold.surfaces.application.governing.api_keys import ApiKeys, KeyWish
from runfold.surfaces.application.governing.doorkeeper import Doorkeeper
from runfold.surfaces.application.runs.asking.once import Once
from runfold.surfaces.http.access.letting_in import Door
from runfold.surfaces.http.access.limits import Limits, Use
from runfold.surfaces.http.app import make_app
from runfold.surfaces.http.gateway import Connect, Gateway
from runfold.surfaces.http.mounted import Beside
from runfold.surfaces.http.server import Server, make_server, opened, run
from tests.deciders.given import TENANT
from tests.surfaces.answering import AnsweringLog, answering

HASH_KEY = b"k" * 32


def _no_views() -> Any:
    raise psycopg.OperationalError("the views are away")


@dataclass
class Served:
    """A gateway that serves, and what tests need of it."""

    gateway: Gateway
    log: AnsweringLog
    url: str
    keys: ApiKeys
    store: MemoryKeyStore
    server: Server
    clients: list[httpx.Client] = field(default_factory=list)

    def key(
        self,
        tenant: str = TENANT,
        user: str = "ada",
        scopes: tuple[str, ...] = ("*",),
        roles: tuple[str, ...] = (),
    ) -> str:
        """Return a new key."""
        wish = KeyWish("test", tenant, user, roles, scopes)
        return str(self.keys.create(wish, datetime.now(UTC))[0])

    def client(self, key: str | None = None, **wish: Any) -> httpx.Client:
        """Return a client with a key: a given one, or a new one."""
        made = self.key(**wish) if key is None else key
        client = httpx.Client(
            base_url=self.url, headers={"authorization": f"Bearer {made}"}, timeout=30
        )
        self.clients.append(client)
        return client

    def stranger(self) -> httpx.Client:
        """Return a client without a key."""
        client = httpx.Client(base_url=self.url, timeout=30)
        self.clients.append(client)
        return client


@contextmanager
def serving(
    log: AnsweringLog | None = None,
    *,
    limits: Limits | None = None,
    connect: Connect = _no_views,
    tokens: Verifier | None = None,
    proxies: Sequence[Network] = (),
    mounted: Callable[[Gateway, str], Beside] | None = None,
    **more: Any,
) -> Iterator[Served]:
    """Serve a gateway of a test's own within the block."""
    log = log or answering()
    store, hubs = MemoryKeyStore(), Hubs(log)
    use = Use(limits or Limits(heartbeat_s=0.05))
    gateway = Gateway(
        writer=log,
        reader=log,
        hubs=hubs,
        connect=connect,
        door=Door(Doorkeeper(store, HASH_KEY, believed_s=0), use.back_off, tokens, proxies=proxies),
        once=Once(MemoryAskedStore()),
        use=use,
        ready=str,
        artifacts=MemoryArtifacts(),
    )
    gateway = replace(gateway, **more)
    listening = opened("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    beside = mounted(gateway, url) if mounted is not None else Beside()
    server = make_server(make_app(gateway, mounted=beside.mounted), gateway.use)
    thread = threading.Thread(target=run, args=(server, listening))
    thread.start()
    for watch in beside.watches:
        watch.start()
    served = Served(gateway, log, url, ApiKeys(store, HASH_KEY), store, server)
    try:
        yield served
    finally:
        for client in served.clients:
            client.close()
        for watch in beside.watches:
            watch.stop()
        server.stop()
        thread.join(20)
        hubs.close()
        listening.close()
        assert not thread.is_alive()
