"""``make bench-webhooks``: events a second to receivers, and processor time of each delivery.

Events of a journal that is written beforehand are delivered by one process to one receiver, at most
64 at a time: from the log to tables that are durable, signed, sent, answered, and noted. Rates
belong to the machine. Exit code 1 where not every event arrived.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from confluent_kafka import Producer

from benchmarks.performance.gateway_page import take
from benchmarks.support.stack import running
from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.headers import headers
from runfold.events.avro.registry import LockRegistry
from runfold.events.definitions import Subscription
from runfold.events.run import GENESIS, Meta, RunStarted
from runfold.events.values import Actor, ActorKind, RunStatus
from runfold.infra.http import signing
from runfold.infra.process.ready import READY_FILE
from runfold.processors.definitions.record import announce, key
from runfold.producers.log.kafka import Publisher
from runfold.producers.log.partitioner import partition_for
from runfold.stack.settings import Settings
from runfold.stack.supervisor.plan import Process

CODEC = Codec(LockRegistry())
TOPICS = Process("topics", ("-m", "runfold.stack.prepare"), once=True)
OUT = Path("build/webhooks.json")


def write(settings: Settings, events: int, each: int = 10) -> None:
    """Append events of as many runs as it takes, ``each`` of every run."""
    producer = Producer({**settings.kafka_config(), "linger.ms": 20})
    now = datetime.now(UTC)
    for number in range(events):
        run, seq = f"run-{number // each:07}", number % each + 1
        meta = Meta(
            run_id=run, seq=seq, tenant_id="acme", time=now, status=RunStatus.PLANNING,
            cause="bench", actor=Actor(kind=ActorKind.SYSTEM, id="run"), traceparent="",
            prev_hash=GENESIS,
        )  # fmt: skip
        said = headers("RunStarted", f"{run}/{seq}", "runfold/bench", now, run, "")
        producer.produce(
            topics.EVENTS, CODEC.encode_event(meta, RunStarted()), run.encode(),
            partition=partition_for(run.encode(), settings.partitions), headers=list(said),
        )  # fmt: skip
        producer.poll(0)
    if producer.flush(60):
        raise SystemExit("the journal could not be written")


class Receiver:
    """The receiver's process, and how much it has counted."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.webhooks.receiver"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}/"
        self.count = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.count = int(line)


def measure(settings: Settings, home: Path, events: int) -> dict[str, float]:
    """Return the rate, processor milliseconds of a delivery, and what was not delivered."""
    receiver = Receiver()
    writer = Publisher(settings.kafka_config(), CODEC)
    made = Subscription(
        name="bench", version="1.0.0", url=receiver.url, secrets=("webhook",), events=("*",),
        concurrency=64,
    )  # fmt: skip
    record = announce(made, "bench", datetime.now(UTC) - timedelta(hours=1))
    writer.publish(topics.REGISTRY, record, key(made))
    env = {
        **os.environ, **settings.to_env(), READY_FILE: str(home / "delivery.ready"),
        "RUNFOLD_OUTGOING_HTTP": "1", "RUNFOLD_OUTGOING_PRIVATE": "127.0.0.0/8",
        "RUNFOLD_OUTGOING_PORTS": "*", "RUNFOLD_SECRET_WEBHOOK": signing.new_secret(),
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-m", "runfold.processors.delivery"], env=env)
    try:
        while not (home / "delivery.ready").exists():
            time.sleep(0.05)
        time.sleep(2)
        family = psutil.Process(process.pid)
        spent, began = _cpu(family), time.monotonic()
        feeding = threading.Thread(target=write, args=(settings, events))
        feeding.start()
        seen = (0, time.monotonic())
        while receiver.count < events and time.monotonic() - seen[1] < 30:
            time.sleep(0.05)
            if receiver.count > seen[0]:
                seen = receiver.count, time.monotonic()
        seconds = seen[1] - began
        feeding.join()
        return {
            "events": events,
            "arrived": receiver.count,
            "per_second": round(receiver.count / seconds, 1),
            "cpu_ms_each": round((_cpu(family) - spent) * 1000 / max(1, receiver.count), 3),
            "rss_mb": round(family.memory_info().rss / 1e6, 1),
        }
    finally:
        process.terminate()
        process.wait(30)
        receiver.process.kill()
        receiver.process.wait()
        writer.close()


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=30_000)
    parser.add_argument("--take", action="store_true", help="write the page from the figures")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="runfold-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        with running(home, (TOPICS,)) as settings:
            found = measure(settings, home, asked.events)
    print(json.dumps(found))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    if asked.take:
        take("webhooks")
    return 0 if found["arrived"] == found["events"] else 1


if __name__ == "__main__":
    sys.exit(main())
