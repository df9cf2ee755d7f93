"""One round: fresh topics and an empty database, load, faults, a quiet end, and what is left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from runfold.events import topics
from runfold.infra.deployment import binding
from runfold.stack.settings import Settings
from tests.projections.running import caught_up
from tests.support.stack import fresh_topics
from tests.system.torture.faults.injector import Injector
from tests.system.torture.faults.plan import (
    CALLERS,
    LOAD,
    PEOPLE,
    PROJECTOR,
    RUNS,
    TOOLS,
    Fault,
)
from tests.system.torture.faults.worlds import WorldFaults
from tests.system.torture.judgement.positions import PositionWatch
from tests.system.torture.judgement.tenants import counts, read_tenants
from tests.system.torture.processes.keeper import Keeper, Kept
from tests.system.torture.processes.spawning import made
from tests.system.torture.processes.strangers import Strangers
from tests.system.torture.round import Rules
from tests.system.torture.servers import snapshot
from tests.system.torture.servers.provider import Provider
from tests.system.torture.servers.servers import Servers
from tests.system.torture.simulation import load
from tests.system.torture.simulation.governed import GOVERNED
from tests.system.torture.simulation.ledger import Ledger
from tests.system.torture.simulation.people import LEDGER
from tests.system.torture.simulation.shapes import PROVIDED, publish_definitions
from tests.system.torture.simulation.tenants import ADMITTED
from tests.system.torture.surfaces import noted
from tests.system.torture.surfaces.front import Front, Sizes

_SERVERS_S = 120.0
_VIEWS_S = 20.0
_TICK_S = 0.02
_THROTTLE_S = 0.5


@dataclass
class Left:
    """What a round leaves to be judged, beside topics and tables."""

    folder: Path
    settings: Settings
    keeper: Keeper
    injector: Injector
    began: float
    faults_ended: float
    settled_s: float
    missing: list[str]
    drained: list[tuple[str, int]]
    regressions: list[str]
    strangers: list[str]
    sizes: Sizes


class Game:
    """Plays one round; ``play`` returns what it left."""

    def __init__(self, servers: Servers, database_url: str, folder: Path, rules: Rules) -> None:
        self._servers = servers
        self._rules = rules
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._settings = replace(
            servers.settings.at(servers.settings.bootstrap_servers, database_url), home=folder
        )
        self._keeper = Keeper()
        self._injector = Injector(self._keeper, servers, folder, self._spawn, rules.seed)
        self._provider = Provider()
        self._strangers = Strangers(
            self._settings.database_url, self._like, folder / "strangers.log", rules.tree
        )
        self._injector.worlds = WorldFaults(
            self._keeper,
            servers,
            folder,
            self._settings,
            self._provider,
            self._strangers,
            self._injector.later,
        )
        self._front = Front(self._settings)
        self._sizes = Sizes(self._keeper.kept)
        self._numbers: dict[str, int] = {}
        self._ended: set[str] = set()
        self._throttled = 0.0

    def play(self, faults: Sequence[Fault]) -> Left:
        """Prepare, play, let everything come to its end."""
        fresh_topics(self._settings)
        self._bind()
        ledger = self._folder / LEDGER
        Ledger(ledger).create()
        publish_definitions(self._settings, ledger, self._rules.shapes)
        (self._folder / "clock").write_text("0")
        if self._rules.calls_per_s:
            self._front.prepare()
        try:
            return self._play(faults)
        finally:
            self._keeper.kill_all()
            self._provider.close()
            snapshot.forget(self._settings.database_url)

    def _bind(self) -> None:
        """Put database and topics together as one deployment, as ``runfold up`` does."""
        kafka, url = self._settings.kafka_config(), self._settings.database_url
        ours = binding.begin(url, _heard)
        assert ours is not None
        binding.finish(kafka, url, ours, _heard)

    def _play(self, faults: Sequence[Fault]) -> Left:
        for name in (TOOLS, TOOLS, PROJECTOR, PEOPLE, LOAD, "noise"):
            self._spawn(name)
        for partitions in _halves(self._settings.partitions):
            self._spawn(RUNS, partitions)
        if self._rules.calls_per_s:
            self._front.open(self._spawn, self._keeper)
        completions = self._completions()
        watch = PositionWatch(self._settings.database_url)
        watch.start()
        self._sizes.start()
        began, waiting = time.time(), list(faults)
        start = time.monotonic()
        while time.monotonic() - start < self._rules.seconds:
            while waiting and waiting[0].at <= time.monotonic() - start:
                self._injector.inject(waiting.pop(0))
            self._turn(completions)
            self._throttle()
        self._quiet()
        until = time.monotonic() + _SERVERS_S
        while not self._servers.up and time.monotonic() < until:
            # A server that is away is a fault that lasts.
            self._turn(completions)
        strangers = self._strangers.leave()
        faults_ended = time.time()
        self._settle(completions)
        settled = time.time() - faults_ended
        missing = sorted(self._acknowledged() - self._ended)
        self._sizes.stop()
        drained = self._stopped()
        watch.stop()
        completions.close()
        return Left(
            self._folder,
            self._settings,
            self._keeper,
            self._injector,
            began,
            faults_ended,
            settled,
            missing,
            drained,
            watch.regressions,
            strangers,
            self._sizes,
        )

    def _stopped(self) -> list[tuple[str, int]]:
        """End everything; views last, since lanes note where they are while they end."""
        views = self._keeper.of(PROJECTOR)
        for one in views:
            self._keeper.release(one)
        drained = self._keeper.stop_all()
        until = time.monotonic() + _VIEWS_S
        while time.monotonic() < until and not self._projected():
            time.sleep(_TICK_S)
        return drained + [(one.name, one.stop()) for one in views]

    def _turn(self, completions: Consumer) -> None:
        self._injector.end_due()
        self._servers.tend()
        self._keeper.tend()
        for message in completions.consume(500, _TICK_S):
            key = message.key()
            if message.error() is None and isinstance(key, bytes):
                self._ended.add(key.decode())

    def _throttle(self) -> None:
        """Hold the load back while more runs are open than can end in the quiet time."""
        if time.monotonic() - self._throttled < _THROTTLE_S:
            return
        self._throttled = time.monotonic()
        asked = len(self._acknowledged())
        enough = self._folder / load.ENOUGH
        if asked - len(self._ended) > self._rules.most_open:
            enough.touch()
        else:
            enough.unlink(missing_ok=True)

    def _quiet(self) -> None:
        """No more faults, requests and noise."""
        self._injector.end_due(everything=True)
        (self._folder / load.STOP).touch()
        for one in tuple(self._keeper.kept):
            one.next_failpoint = ""
            if one.name == "noise":
                self._keeper.release(one)
                one.stop()
            elif one.failpoint and one.alive:
                # An armed failpoint is a fault to come.
                one.signal(9)

    def _settle(self, completions: Consumer) -> None:
        """Wait until every acknowledged request has ended and the views have it all."""
        until = time.monotonic() + self._rules.settle_s
        while time.monotonic() < until:
            for _ in range(10):
                self._turn(completions)
            asking = [one for one in self._keeper.kept if one.name in {LOAD, CALLERS}]
            for one in asking:
                if one.process.poll() == 0:
                    self._keeper.release(one)
            ended = not asking and self._acknowledged() <= self._ended
            if ended and self._projected() and self._returned():
                return

    def _acknowledged(self) -> frozenset[str]:
        return load.read_log(self._folder).acknowledged | noted.acknowledged(self._folder)

    def _projected(self) -> bool:
        return all(caught_up(self._settings, view) for view in ("runs", "dead_letters"))

    def _returned(self) -> bool:
        """Whether tenants have got back every run that they admitted."""
        if not (ADMITTED | GOVERNED) & set(self._rules.shapes.split(",")):
            return True
        found = counts(read_tenants(self._settings))
        return found["AdmissionGranted"] <= found["AdmissionReturned"]

    def _completions(self) -> Consumer:
        consumer = Consumer(
            {
                **self._settings.kafka_config(),
                "group.id": "torture",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )
        count = range(self._settings.partitions)
        consumer.assign([TopicPartition(topics.COMPLETIONS, number, 0) for number in count])
        return consumer

    def _spawn(self, name: str, partitions: Sequence[int] = ()) -> Kept:
        """Start one more process; a run processor by fixed assignment owns the partitions."""
        return self._keeper.add(self._made(name, partitions))

    def _like(self, name: str) -> Kept:
        """Return one that would do all that the others do, not started yet."""
        return self._made(name, range(self._settings.partitions) if name == RUNS else ())

    def _made(self, name: str, partitions: Sequence[int] = ()) -> Kept:
        number = self._numbers[name] = self._numbers.get(name, 0) + 1
        rules = self._rules
        if PROVIDED in rules.shapes.split(","):
            # Whoever knows a provider has a process more for it.
            rules = replace(rules, env={**self._provider.env, **rules.env})
        through = self._servers.through_proxy
        more = self._front.env(name, number)
        return made(
            name, number, partitions, rules, self._folder, self._settings, through, more=more
        )


def _heard(line: str) -> None:
    raise AssertionError(line)


def _halves(count: int) -> tuple[range, range]:
    return range(count // 2), range(count // 2, count)
