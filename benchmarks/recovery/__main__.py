"""``make bench-recovery``: how long runs stand still when the run processor is killed.

1. kill -9 of an owner under a steady load, by ownership: seconds from the kill until the journal of
   each partition that it owned goes on. The supervisor's own code starts it again.
2. The same with one partition that holds many live runs: seconds until it goes on, and how fast its
   records were read back.

Prints the figures and writes build/recovery.json. The kills wait for steadiness in between.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from rich.console import Console
from rich.table import Table

from benchmarks.recovery.heartbeat import Heard, Heartbeat, publish_definitions
from benchmarks.recovery.many_live_runs import ManyLiveRuns, restored
from runfold.stack import control
from runfold.stack.home import Home
from runfold.stack.settings import Settings
from runfold.stack.supervisor.member import Member, Patience
from runfold.stack.supervisor.plan import Process
from runfold.stack.supervisor.python_program import PythonProgram

OWNERSHIP = {"fixed": 1, "consumer": 2, "classic": 2}
"""How partitions are owned, and by how many processes."""

_GROUP = "runfold-runs-owners"
_PATIENCE_S = 120.0


class Owners:
    """Run processors under supervision; everything happens in ``until``, on the main thread."""

    def __init__(self, settings: Settings, ownership: str) -> None:
        self._settings, self.ownership = settings, ownership
        home = Home(settings.home)
        self.members = [
            Member(
                PythonProgram(
                    Process(
                        f"{ownership}-{number}",
                        ("-m", "benchmarks.recovery.owner", f"{ownership}-{number}", ownership),
                        announces=True,
                        stop_seconds=30,
                    ),
                    settings,
                    home,
                    environment=dict(os.environ),
                ),
                Patience(ends=1_000_000),
            )
            for number in range(OWNERSHIP[ownership])
        ]
        self._admin = AdminClient(settings.kafka_config())
        for member in self.members:
            member.start()

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Tend until something holds."""
        until = time.monotonic() + _PATIENCE_S
        while not done():
            if time.monotonic() > until:
                raise TimeoutError(f"{what}: not so after {_PATIENCE_S:.0f} s")
            for member in self.members:
                member.watch(time.monotonic())
            time.sleep(0.02)

    def all_up(self) -> bool:
        """Whether every process works and every partition has one owner."""
        if any(member.state != "running" for member in self.members):
            return False
        shares = [self.owned(member) for member in self.members]
        return all(shares) and sum(map(len, shares)) == self._settings.partitions

    def all_sound(self) -> bool:
        """Whether the supervisor would start each process again after its shortest pause."""
        now = time.time()
        return all(now - one.tell().since >= one.patience.sound for one in self.members)

    def owned(self, member: Member) -> list[int]:
        """Return the partitions of a process."""
        if self.ownership == "fixed":
            return list(range(self._settings.partitions))
        try:
            told = self._admin.describe_consumer_groups([_GROUP])[_GROUP].result(10)
        except KafkaException:
            return []
        return [
            place.partition
            for one in told.members
            if one.client_id == member.program.name and one.assignment
            for place in one.assignment.topic_partitions
        ]

    def stop(self) -> None:
        """End them."""
        for member in self.members:
            member.stop()


def time_kills(settings: Settings, heard: Heard, ownership: str, kills: int) -> list[float]:
    """Return the seconds that each partition of each killed owner stood still."""
    owners = Owners(settings, ownership)
    waits: list[float] = []
    try:
        for number in range(kills):
            steady(owners, heard, range(settings.partitions))
            victim = owners.members[number % len(owners.members)]
            found = kill(owners, victim, heard, owners.owned(victim))
            waits += found
            print(f"  {ownership} {number + 1}: {max(found):.2f} s", flush=True)
    finally:
        owners.stop()
    return waits


def steady(owners: Owners, heard: Heard, partitions: Sequence[int]) -> None:
    """Wait until everything is up and goes on, and no kill would seem part of a crash loop."""
    owners.until(owners.all_up, "the owners are up")
    owners.until(owners.all_sound, "the owners have lived for a while")
    heard.forget()
    now = time.time()
    owners.until(
        lambda: all(heard.first_after(p, now) is not None for p in partitions),
        "the journal goes on",
    )


def kill(owners: Owners, victim: Member, heard: Heard, partitions: Sequence[int]) -> list[float]:
    """Kill an owner; return the seconds until each of these partitions went on."""
    assert victim.process is not None
    heard.forget()
    os.kill(victim.process.pid, signal.SIGKILL)
    victim.process.wait()
    at = time.time()

    def first(partition: int) -> float | None:
        return heard.first_after(partition, at)

    owners.until(lambda: all(first(p) is not None for p in partitions), "the journal goes on")
    return [(first(p) or at) - at for p in partitions]


def time_many_live_runs(
    settings: Settings, heard: Heard, live: ManyLiveRuns, kills: int
) -> dict[str, object]:
    """Return how long a partition with many live runs stood still, and how it was read back."""
    owners = Owners(settings, "fixed")
    waits: list[float] = []
    try:
        owners.until(owners.all_up, "the owner is up")
        live.gather(lambda done: owners.until(done, "the live runs are there"), heard)
        for number in range(kills):
            steady(owners, heard, [live.partition])
            waits += kill(owners, owners.members[0], heard, [live.partition])
            print(f"  many live runs {number + 1}: {waits[-1]:.2f} s", flush=True)
        owners.until(owners.all_up, "the owner is up")
    finally:
        owners.stop()
    log = settings.home / "logs" / f"{owners.members[0].program.name}.log"
    return {"live_runs": live.size, **figures(waits), "restores": restored(log, live.partition)}


def figures(waits: Sequence[float]) -> dict[str, object]:
    """Return the percentiles of some seconds."""
    ordered = sorted(waits)

    def at(percent: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))], 2)

    return {"measured": len(ordered), "p50_s": at(50), "p99_s": at(99), "max_s": at(100)}


@contextmanager
def servers(folder: Path) -> Iterator[Settings]:
    """An embedded Kafka and Postgres of the benchmark's own, with topics and definitions."""
    settings = replace(Settings.from_env({}), home=folder)
    prepare = Process("topics", ("-m", "runfold.stack.prepare"), once=True)
    running = control.up(settings, [prepare], tied=True)
    try:
        publish_definitions(running.settings)
        yield running.settings
    finally:
        control.down(settings)


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; 0 when it was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="kills a way of ownership")
    parser.add_argument("--live", type=int, default=10_000, help="live runs of one partition")
    parser.add_argument("--rate", type=float, default=5.0, help="requests a second and partition")
    parser.add_argument("--only", nargs="*", default=[*OWNERSHIP, "many_live_runs"])
    chosen = parser.parse_args(arguments)
    found: dict[str, object] = {"machine": f"{os.cpu_count()} cores, {platform.machine()}"}
    with tempfile.TemporaryDirectory(prefix="runfold-recovery-") as folder:
        Path(folder).chmod(0o755)
        with servers(Path(folder)) as settings:
            heartbeat, heard = Heartbeat(settings, chosen.rate), Heard(settings)
            heartbeat.start()
            heard.start()
            for ownership in [name for name in OWNERSHIP if name in chosen.only]:
                found[ownership] = figures(time_kills(settings, heard, ownership, chosen.kills))
            if "many_live_runs" in chosen.only:
                live = ManyLiveRuns(settings, chosen.live)
                found["many_live_runs"] = time_many_live_runs(settings, heard, live, kills=5)
            found["load"] = round(os.getloadavg()[0], 1)
            heartbeat.stop()
    target = Path("build/recovery.json")
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(found, indent=2) + "\n")
    _show(found)
    return 0


def _show(found: dict[str, object]) -> None:
    table = Table(title="Seconds from the kill of an owner until its partitions go on")
    for column in ("what", "figures"):
        table.add_column(column)
    for name, value in found.items():
        told = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        table.add_row(name, str(told))
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
