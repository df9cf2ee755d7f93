"""A gateway under measurement: what it uses, what its clients see, what is put into its journal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import psutil
from confluent_kafka import Producer

from benchmarks.support.trend import percentile
from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.avro.samples import sample
from runfold.events.run import Event, Meta, RunStarted
from runfold.infra.process.ready import READY_FILE
from runfold.producers.log.kafka import TopicReader
from runfold.stack.settings import Settings

READY_S = 120.0
BOUNDS = {
    "RUNFOLD_HTTP_RATE": "1000000",
    "RUNFOLD_HTTP_CONCURRENCY": "100000",
    "RUNFOLD_HTTP_LISTENERS": "100000",
}


@contextmanager
def process(settings: Settings, module: str, *words: str) -> Iterator[psutil.Process]:
    """Run a process of the system while the block lasts."""
    ready = settings.home / f"{module}.ready"
    ready.unlink(missing_ok=True)
    env = {**os.environ, **settings.to_env(), **BOUNDS, READY_FILE: str(ready)}
    with (settings.home / f"{module}.log").open("ab") as log:
        made = subprocess.Popen(
            [sys.executable, "-m", module, *words], env=env, stdout=log, stderr=log
        )
    try:
        until = time.monotonic() + READY_S
        while not ready.exists():
            if made.poll() is not None or time.monotonic() > until:
                raise RuntimeError((settings.home / f"{module}.log").read_text()[-2000:])
            time.sleep(0.05)
        yield psutil.Process(made.pid)
    finally:
        made.terminate()
        made.wait(30)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a turn came to: of so many requests in so many seconds, and processor time each."""

    requests: int
    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    offered_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """A gateway's process, where it is, and a key that it lets in."""

    gateway: psutil.Process
    port: int
    key: str

    @classmethod
    def of(cls, gateway: psutil.Process, home: Path) -> Door:
        """Return the gateway of a home."""
        place = urlsplit((home / "gateway" / "url").read_text().strip())
        key = (home / "gateway" / "development-key").read_text().strip()
        assert place.port is not None
        return cls(gateway, place.port, key)

    def cpu_s(self) -> float:
        """Return the processor time that the gateway has used."""
        family = [self.gateway, *self.gateway.children(recursive=True)]
        return sum(each.cpu_times().user + each.cpu_times().system for each in family)

    def rss_mb(self) -> float:
        """Return its resident memory."""
        family = [self.gateway, *self.gateway.children(recursive=True)]
        return round(sum(each.memory_info().rss for each in family) / 1e6, 1)

    def words(self, what: str, paths: Sequence[str], **more: Any) -> list[str]:
        """Return the command of a client."""
        given = [word for path in paths for word in ("--path", path)]
        given += [word for name, value in more.items() for word in (f"--{name}", str(value))]
        command = [sys.executable, "-m", "benchmarks.http.client", what]
        return [*command, "--port", str(self.port), "--key", self.key, *given]

    def ask(
        self, method: str, path: str, connections: int, seconds: float, body: str = ""
    ) -> Measured:
        """Measure one request, asked for again and again."""
        words = self.words(
            "ask", [path], method=method, body=body, connections=connections, seconds=seconds
        )
        before = self.cpu_s()
        said = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
        took = said["took_ms"]
        return Measured(
            len(took),
            round(len(took) / said["seconds"], 1),
            percentile(took, 50),
            percentile(took, 99),
            round((self.cpu_s() - before) * 1000 / len(took), 3),
        )

    def offer(
        self, method: str, path: str, connections: int, rate: float, seconds: float, body: str = ""
    ) -> Measured:
        """Measure one request, offered so many times a second whatever becomes of it.

        ``per_s`` are those that were answered while it was offered.
        """
        given = {"method": method, "body": body, "connections": connections}
        words = self.words("offer", [path], **given, rate=rate, seconds=seconds)
        before = self.cpu_s()
        said = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
        took = said["took_ms"]
        if said["failed"] or not took:
            raise RuntimeError(f"{said['failed']} of {said['offered']} requests failed")
        return Measured(
            len(took),
            round(said["in_time"] / said["seconds"], 1),
            percentile(took, 50),
            percentile(took, 99),
            round((self.cpu_s() - before) * 1000 / len(took), 3),
            rate,
        )

    def json(self, method: str, path: str, body: str = "") -> Any:
        """Return one answer."""
        asked = Request(
            f"http://127.0.0.1:{self.port}{path}",
            body.encode() if body else None,
            {"authorization": f"Bearer {self.key}", "content-type": "application/json"},
            method=method,
        )
        with urlopen(asked, timeout=30) as answer:
            return json.load(answer)

    @contextmanager
    def listening(self, paths: Sequence[str], each: int) -> Iterator[list[float]]:
        """Have so many streams of each path open; the list holds ages afterwards, in ms."""
        ages: list[float] = []
        words = self.words("listen", paths, connections=each)
        client = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert client.stdin is not None
        assert client.stdout is not None
        said = client.stdout.readline()
        if said.strip() != b"ready":
            raise RuntimeError("the listeners did not all get in")
        try:
            yield ages
        finally:
            client.stdin.close()
            found = client.stdout.readline()
            client.wait(60)
            ages += json.loads(found)["ages_ms"] if found else []


class Journal:
    """Puts events straight into the journal: what a run processor would have committed."""

    def __init__(self, settings: Settings) -> None:
        self._codec = Codec(LockRegistry())
        self._producer = Producer(
            {
                **settings.kafka_config(),
                "acks": "all",
                "linger.ms": 0,
                "partitioner": "murmur2_random",
            }
        )
        meta, fact = sample(Meta), sample(RunStarted)
        assert isinstance(meta, Meta)
        assert isinstance(fact, RunStarted)
        self._meta, self._fact = meta.model_copy(update={"tenant_id": "default"}), fact
        self._seqs: dict[str, int] = {}

    def put(self, run_id: str) -> None:
        """Append the next event of a run, as of now."""
        seq = self._seqs[run_id] = self._seqs.get(run_id, 0) + 1
        meta = self._meta.model_copy(
            update={"run_id": run_id, "seq": seq, "time": datetime.now(UTC)}
        )
        value = self._codec.encode_event(meta, self._fact)
        self._producer.produce(topics.EVENTS, value, run_id.encode())
        self._producer.poll(0)

    def copy(self, run_id: str, events: Sequence[Event]) -> None:
        """Append events of another run as this run's own, as of now."""
        for event in events:
            meta = event.meta.model_copy(update={"run_id": run_id, "time": datetime.now(UTC)})
            self._producer.poll(0)
            self._producer.produce(
                topics.EVENTS, self._codec.encode_event(meta, event.fact), run_id.encode()
            )

    def events_of(self, settings: Settings, run_id: str) -> list[Event]:
        """Return what the journal has of a run."""
        reader = TopicReader(settings.kafka_config(), self._codec)
        found = reader.read(topics.EVENTS, key=run_id)
        return [each.record for each in found if isinstance(each.record, Event)]

    def flush(self) -> None:
        """Wait until all is there."""
        self._producer.flush(30)
