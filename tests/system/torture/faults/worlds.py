"""Faults of whole worlds: outages, bursts, deployments, restores, another deployment's processes.

Each needs a round of its own, whose runs and tools are chosen for it; see ``worlds.py``.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runfold.events import topics
from runfold.events.definitions import SwitchThrown
from runfold.processors.definitions.keys import key_of_decision
from runfold.producers.log.kafka import Publisher
from runfold.stack.settings import Settings
from tests.system.torture.faults.plan import PROJECTOR, TOOLS, Fault
from tests.system.torture.processes.keeper import Keeper, Kept
from tests.system.torture.processes.strangers import Strangers
from tests.system.torture.servers import snapshot
from tests.system.torture.servers.provider import Provider
from tests.system.torture.servers.servers import Servers
from tests.system.torture.simulation.governed import TENANTS, gate
from tests.system.torture.simulation.load import BURSTS
from tests.system.torture.simulation.shapes import CODEC, publish_all

_POLL_S = 0.3
_SOUND_S = 2.0

Later = Callable[[float, Callable[[], None]], None]
"""Does something in so many seconds."""


@dataclass
class WorldFaults:
    """Does what a world's plan says; ``settings`` name the round's database and topics."""

    keeper: Keeper
    servers: Servers
    folder: Path
    settings: Settings
    provider: Provider
    strangers: Strangers
    later: Later
    gates: int = 0

    def burst(self, fault: Fault) -> bool:
        """Ask for many runs of one shape at once: ``target`` names it, ``detail`` says how many."""
        with (self.folder / BURSTS).open("a") as file:
            file.write(f"{fault.target} {fault.detail}\n")
        return True

    def away(self, fault: Fault) -> bool:
        """Take Postgres or the provider away for longer than any call is tried again."""
        if fault.target == "provider":
            self.provider.away = True
            self.later(fault.seconds, self._provider_is_back)
            return True
        member = self.servers.postgres
        if member.process is None:
            return False
        self.servers.away.add(member.program.name)
        member.process.kill()
        self.later(fault.seconds, lambda: self.servers.away.discard(member.program.name))
        return True

    def deploy(self, fault: Fault) -> bool:
        """Replace all processes of a kind, one after another, each after its calls have ended."""
        todo = list(self.keeper.of(fault.target))
        self._deploy_next(todo)
        return bool(todo)

    def snapshot(self, _fault: Fault) -> bool:
        """Copy the database as it is now."""
        snapshot.take(self.settings.database_url)
        return True

    def restore(self, _fault: Fault) -> bool:
        """Put the copy in the database's place and hand all work of pools out once more.

        As an operator does it: what writes to the database is told to end before. That its work
        comes again is the worst that a restore may mean for a pool.
        """
        stopped = [one for one in self.keeper.kept if one.name in (TOOLS, PROJECTOR)]
        for one in stopped:
            one.wanted = False
            one.process.terminate()
        self._restore_when_ended(stopped)
        return True

    def stranger(self, _fault: Fault) -> bool:
        """Start every process of another deployment on the same topics."""
        self.strangers.come()
        return True

    def switch(self, fault: Fault) -> bool:
        """Stop something for a while: ``target`` is its kind and name, such as ``tool/pay``."""
        self._throw(fault.target, stopped=True)
        self.later(fault.seconds, lambda: self._throw(fault.target, stopped=False))
        return True

    def revoke(self, fault: Fault) -> bool:
        """Have the policies of governed tenants forbid something for a while."""
        self._publish_gate(fault.target)
        self.later(fault.seconds, self._publish_gate)
        return True

    def _publish_gate(self, *forbidden: str) -> None:
        self.gates += 1
        version = gate(self.gates, *forbidden)
        publish_all(self.settings, [(tenant, [version]) for tenant in TENANTS])

    def _throw(self, target: str, *, stopped: bool) -> None:
        kind, _, name = target.partition("/")
        switch = SwitchThrown(
            kind=kind,
            name=name,
            tenant=name if kind == "tenant" else None,
            stopped=stopped,
            reason="torture",
            decided_at=datetime.now(UTC),
            decided_by="torture",
        )
        writer = Publisher(self.settings.producer_config(), CODEC)
        writer.publish(topics.REGISTRY, switch, key_of_decision(switch))

    def _provider_is_back(self) -> None:
        self.provider.away = False

    def _deploy_next(self, todo: list[Kept]) -> None:
        if todo:
            one = todo.pop(0)
            old = one.process.pid
            one.signal(signal.SIGTERM)
            self._when(
                lambda: one.process.pid != old and one.alive, lambda: self._deploy_next(todo)
            )

    def _restore_when_ended(self, stopped: list[Kept]) -> None:
        def begun_again() -> None:
            for one in stopped:
                one.wanted = True

        def restore() -> None:
            snapshot.restore(self.settings.database_url)
            kafka = self.settings.kafka_config()
            self._when(lambda: snapshot.hand_out_from_the_beginning(kafka), begun_again)

        self._when(lambda: not any(one.alive for one in stopped), restore)

    def _when(self, true: Callable[[], bool], do: Callable[[], None]) -> None:
        """Do something once a thing is so, and a little later, so that it lasts."""

        def look() -> None:
            if true():
                self.later(_SOUND_S, do)
            else:
                self.later(_POLL_S, look)

        self.later(_POLL_S, look)
