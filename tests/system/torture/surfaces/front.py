"""What a round with surfaces has beside the others: addresses, a key, a subscription, a watch."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from runfold.events.definitions import Subscription
from runfold.infra.gateway.postgres import PostgresKeyStore, Sessions
from runfold.stack import ports
from runfold.stack.settings import Settings
from runfold.surfaces.application.governing.api_keys import ApiKeys, KeyWish, hash_key_in
from tests.delivery.running import OPEN, owned
from tests.system.torture.faults.plan import CALLERS, DELIVERY, GATEWAY
from tests.system.torture.processes.keeper import Keeper, Kept
from tests.system.torture.simulation.shapes import TENANT, publish_all
from tests.system.torture.surfaces.callers import BASES, HOOK, KEY, READY

GATEWAYS = 2
_NAMES = ("hook", *(f"gateway{number}" for number in range(1, GATEWAYS + 1)))
_SAMPLED_S = 0.5
_READY_S = 120.0


@dataclass
class Front:
    """Prepares it all; ``env`` is what a process of a kind is started with besides."""

    settings: Settings
    ports: dict[str, int] = field(default_factory=dict)
    key: str = ""

    def prepare(self) -> None:
        """Claim addresses, make a key, and subscribe to everything that happens."""
        folder = self.settings.home / "gateway"
        folder.mkdir(exist_ok=True)
        self.ports = ports.claim(self.settings.home / "surfaces.json", _NAMES)
        with closing(Sessions(self.settings.database_url)) as sessions:
            keys = ApiKeys(PostgresKeyStore(sessions), hash_key_in(folder / "hash-key"))
            wish = KeyWish("torture", TENANT, "somebody", (), ("*",))
            self.key = str(keys.create(wish, datetime.now(UTC))[0])
        hook = Subscription.model_validate(
            {
                "name": "hook",
                "version": "1.0.0",
                "url": f"http://127.0.0.1:{self.ports['hook']}/hook",
                "events": ("*",),
                "secrets": ("webhook",),
            }
        )
        publish_all(self.settings, [(TENANT, [hook])])

    def env(self, name: str, number: int) -> dict[str, str]:
        """Return variables of a process by its kind and number."""
        match name:
            case "gateway":
                return {"RUNFOLD_HTTP_PORT": str(self.ports[f"gateway{number}"])}
            case "delivery":
                # One process has it all: nobody else could go on while it is frozen.
                return {**OPEN, "RUNFOLD_OWNERSHIP": "fixed"}
            case "callers":
                bases = [f"http://127.0.0.1:{self.ports[each]}" for each in _NAMES[1:]]
                return {
                    BASES: ",".join(bases),
                    KEY: self.key,
                    HOOK: str(self.ports["hook"]),
                }
            case _:
                return {}

    def open(self, spawn: Callable[[str], Kept], keeper: Keeper) -> None:
        """Start what people reach; those who reach for it once all that happens is delivered."""
        *served, callers = KINDS
        for name in served:
            spawn(name)
        _tend_until(self.is_ready, keeper)
        # It is not killed: an end of it is the last one.
        spawn(callers).wanted = False
        _tend_until((self.settings.home / READY).exists, keeper)

    def is_ready(self) -> bool:
        """Whether all gateways serve, and what is written from now on is delivered."""
        return owned(self.settings) and all(
            _answers(self.ports[f"gateway{number}"]) for number in range(1, GATEWAYS + 1)
        )


def _tend_until(done: Callable[[], bool], keeper: Keeper) -> None:
    until = time.monotonic() + _READY_S
    while not done():
        assert time.monotonic() < until, f"the surfaces are not ready after {_READY_S:.0f} s"
        keeper.tend()
        time.sleep(0.05)


def _answers(port: int) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


KINDS = (*([GATEWAY] * GATEWAYS), DELIVERY, CALLERS)
"""The processes of a round with surfaces, the callers last."""


class Sizes(threading.Thread):
    """Looks how many threads gateways have, and how much memory; ``found`` is the most of each."""

    def __init__(self, kept: list[Kept]) -> None:
        super().__init__(name="sizes", daemon=True)
        self._kept = kept
        self._ended = threading.Event()
        self.threads = 0
        self.memory_mb = 0

    def run(self) -> None:
        """Look until told to end."""
        while not self._ended.wait(_SAMPLED_S):
            for one in tuple(self._kept):
                if one.name == GATEWAY:
                    with suppress(OSError, StopIteration):
                        self._look(one.process.pid)

    def stop(self) -> None:
        """End."""
        self._ended.set()
        self.join()

    def _look(self, pid: int) -> None:
        said = Path(f"/proc/{pid}/status").read_text().splitlines()
        numbers = dict(line.split(":", 1) for line in said)
        self.threads = max(self.threads, int(numbers.get("Threads", "0")))
        resident = int(numbers.get("VmRSS", "0 kB").split()[0])
        self.memory_mb = max(self.memory_mb, resident // 1024)
