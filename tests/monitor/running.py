"""The monitor as a process, a journal to watch, and what it said."""

from __future__ import annotations

import itertools
import json
import os
import re
import resource
import socket
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.records.alerts import AlertCleared, AlertRaised
from runfold.producers.log.kafka import TopicReader
from runfold.stack.settings import Settings
from tests.support import warm
from tests.support.builders.timed import Run
from tests.support.stack import wait_until

ROOT = Path(__file__).parents[2]
CODEC = Codec(LockRegistry())
_ids = itertools.count(1)


@dataclass
class Watched:
    """A monitor that can be killed and started again."""

    settings: Settings
    rules: Path
    port: int
    process: warm.Started | None = None
    more: dict[str, str] = field(default_factory=dict)
    module: str = "runfold.processors.monitor"

    def start(self, seconds: float = 60) -> None:
        """Start it and wait for its first judgement."""
        self._begin()
        wait_until(self._judges, seconds)

    def _begin(self) -> None:
        env = {
            **os.environ,
            **self.settings.to_env(),
            "RUNFOLD_MONITOR_PORT": str(self.port),
            "RUNFOLD_MONITOR_RULES": str(self.rules),
            **self.more,
        }
        with (self.settings.home / "monitor.log").open("ab") as log:
            self.process = warm.start(self.module, env=env, stdout=log, stderr=log)

    def _judges(self) -> bool:
        return self.live().get("as_of") is not None

    def kill(self) -> None:
        """SIGKILL it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            body: bytes = answer.read()
        return body.decode()

    def live(self) -> dict[str, Any]:
        """What /live.json says; nothing while it does not answer."""
        assert self.process is None or self.process.poll() is None, self.log()
        return self._shown()

    def _shown(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self.get("/live.json"))
        except OSError:
            return {}
        return found

    def wait_events(self, count: int) -> dict[str, Any]:
        """Wait until so many events have been taken; return what is shown then."""
        wait_until(lambda: self.live().get("tally", {}).get("events", 0) >= count, 120)
        return self.live()

    def tended_events(self, count: int) -> dict[str, Any]:
        """Wait as ``wait_events`` does, and start it again whenever it has given up."""

        def taken() -> bool:
            if self.process is None or self.process.poll() is not None:
                self._begin()
            return self._shown().get("tally", {}).get("events", 0) >= count

        wait_until(taken, 180)
        return self.live()

    def said(self) -> list[tuple[str, str]]:
        """Everything on the topic ``alerts``: kind and alert id."""
        reader = TopicReader({"bootstrap.servers": self.settings.bootstrap_servers}, CODEC)
        records = [delivery.record for delivery in reader.read(topics.ALERTS)]
        return [
            (type(record).__name__, record.alert_id)
            for record in records
            if isinstance(record, AlertRaised | AlertCleared)
        ]

    def said_live(self) -> list[tuple[str, str]]:
        """The alerts that are raised, as /live.json shows them."""
        return [("AlertRaised", alert["alert_id"]) for alert in self.live()["alerts"]]

    def most_mb(self) -> int:
        """How much memory it has had at once."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (most,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
        return int(most) // 1000

    def limits(self) -> tuple[int, int]:
        """The bounds of its address space."""
        assert self.process is not None
        return resource.prlimit(self.process.pid, resource.RLIMIT_AS)

    def log(self) -> str:
        return (self.settings.home / "monitor.log").read_text()[-3000:]


@contextmanager
def watched(
    settings: Settings, rules: str, module: str = "runfold.processors.monitor", **more: str
) -> Iterator[Watched]:
    """A running monitor with these rules; gone when the block ends, however it ends."""
    file = settings.home / "rules.yaml"
    file.write_text(rules)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monitor = Watched(settings, file, port, more=more, module=module)
    try:
        monitor.start()
        yield monitor
    finally:
        monitor.kill()


def append(bootstrap: str, runs: Sequence[Run], *, again: bool = False, per: int = 1) -> int:
    """Append the events of runs in transactions of ``per`` runs; return how many.

    Every third is preceded by one that is aborted: what it holds never happened. ``again``
    appends each event twice.
    """
    producer = Producer(
        {"bootstrap.servers": bootstrap, "transactional.id": f"monitor-test-{next(_ids)}"}
    )
    producer.init_transactions(30)
    for number, start in enumerate(range(0, len(runs), per)):
        part = runs[start : start + per]
        if number % 3 == 0:
            ghost = Run(f"ghost-{part[0].run_id}", at=part[0].at).created()
            _transact(producer, [ghost], 1)
            producer.flush(20)
            producer.abort_transaction(20)
        _transact(producer, part, 2 if again else 1)
        producer.commit_transaction(20)
    return sum(len(run.events) for run in runs)


def _transact(producer: Producer, runs: Sequence[Run], times: int) -> None:
    producer.begin_transaction()
    for run_id, event in ((run.run_id, event) for run in runs for event in run.events):
        for _ in range(times):
            producer.produce(
                topics.EVENTS,
                CODEC.encode_event(event.meta, event.fact),
                run_id.encode(),
            )
