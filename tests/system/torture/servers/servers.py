"""The servers under torture: brokers and Postgres as children of the harness itself.

The supervisor of the product would give a server up that dies too often; here it never is.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from confluent_kafka.admin import AdminClient

from runfold.stack import ports
from runfold.stack.home import Home
from runfold.stack.kafka import jars
from runfold.stack.postgres.server import Postgres
from runfold.stack.settings import Settings
from runfold.stack.supervisor.member import Member, Patience
from tests.system.torture.servers.disk import Disk, mount
from tests.system.torture.servers.node import Node
from tests.system.torture.servers.standby import Standby, either

_NEVER_GIVE_UP = Patience(first=0.05, longest=0.5, ends=1_000_000)
_UP_S = 180.0
_LOG_FILES = 4
# No file of the log is kept for later, and few are made in advance: a full disk is felt soon.
_POSTGRES = {"min_wal_size": "32MB", "wal_recycle": "off"}


@dataclass
class Servers:
    """Brokers, Postgres and the proxy; ``tend`` starts again what died.

    ``standby`` is there until it is promoted; ``disks`` are the servers' own, by name; those that
    are ``away``, by name, are not started before they may come back.
    """

    settings: Settings
    brokers: list[Member]
    postgres: Member
    standby: Member | None = None
    disks: dict[str, Disk] = field(default_factory=dict)
    proxy: subprocess.Popen[bytes] | None = None
    away: set[str] = field(default_factory=set)

    @property
    def members(self) -> list[Member]:
        """Every server that shall run."""
        return [*self.brokers, self.postgres, *([self.standby] if self.standby else [])]

    @property
    def up(self) -> bool:
        """Whether every server answered when it was last tended."""
        return not self.away and all(member.state == "running" for member in self.members)

    def tend(self) -> None:
        """Start again what died."""
        for member in self.members:
            if member.program.name not in self.away:
                member.watch(time.monotonic())
        if self.proxy is not None and self.proxy.poll() is not None:
            self.proxy = self.start_proxy()

    def start_proxy(self) -> subprocess.Popen[bytes]:
        """Start the proxy before the second listener of the only broker."""
        port = ports._read(self.settings.home / "run" / "ports.json")
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.system.torture.servers.proxy",
                str(port["proxy"]),
                str(port["behind"]),
            ],
            stdin=subprocess.PIPE,
            cwd=Path(__file__).parents[4],
        )

    @property
    def through_proxy(self) -> str:
        """Where lanes find the broker: behind the proxy if there is one."""
        if self.proxy is None:
            return self.settings.bootstrap_servers
        return f"127.0.0.1:{ports._read(self.settings.home / 'run' / 'ports.json')['proxy']}"

    def harm(self, text: str) -> None:
        """Tell the proxy what to do."""
        if self.proxy is not None and self.proxy.stdin is not None:
            with suppress(OSError):
                self.proxy.stdin.write(text.encode() + b"\n")
                self.proxy.stdin.flush()

    def lose(self) -> None:
        """Kill the first database for good: from now on the standby is the database."""
        assert self.standby is not None, "one promotion a life"
        if self.postgres.process is not None:
            self.postgres.process.kill()
            self.postgres.process.wait()
        self.postgres, self.standby = self.standby, None
        if "postgres" in self.disks:
            self.disks.pop("postgres").unmount()

    def promote(self) -> None:
        """Let the standby take writes; returns when it does."""
        program = self.postgres.program
        assert isinstance(program, Standby), "there was no standby"
        self.wait_until(program.promote, "the standby is promoted")

    def wait_until(self, done: Callable[[], bool], what: str) -> None:
        """Tend until something holds."""
        until = time.monotonic() + _UP_S
        while not done():
            assert time.monotonic() < until, f"{what}: not after {_UP_S} s"
            self.tend()
            time.sleep(0.05)

    def wait_ready(self) -> None:
        """Wait until every server answers."""
        self.wait_until(lambda: self.up, "the servers are up")

    def versions(self) -> dict[str, str]:
        """What runs."""
        with psycopg.connect(self.settings.database_url) as connection:
            found = connection.execute("SHOW server_version").fetchone()
        kafka = next(jar.filename for jar in jars.read_lock() if jar.filename.startswith("kafka_"))
        return {"postgres": found[0] if found else "", "kafka": kafka.removesuffix(".jar")}

    def close(self) -> None:
        """End them all."""
        for member in reversed(self.members):
            if member.process is not None:
                # The last of a cluster would wait in vain for the others before it stops.
                alone = len(self.brokers) == 1 or member not in self.brokers
                with suppress(ProcessLookupError):
                    os.kill(member.process.pid, signal.SIGCONT if alone else signal.SIGKILL)
            member.stop()
        for disk in self.disks.values():
            disk.unmount()
        if self.proxy is not None:
            self.proxy.kill()
            self.proxy.wait()
            if self.proxy.stdin is not None:
                self.proxy.stdin.close()


@contextmanager
def servers(folder: Path, brokers: int = 1, *, standby: bool = False) -> Iterator[Servers]:
    """Servers in a folder that every user may enter; gone when the block ends."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("KAFKA_")}
    settings = Settings.from_env({**own, "RUNFOLD_HOME": str(folder), "DATABASE_URL": ""})
    home = Home(settings.home)
    home.prepare()
    nodes = [
        Node(home, settings.cache, name=f"kafka{n}", number=n, count=brokers, shared=home.kafka)
        for n in range(1, brokers + 1)
    ]
    postgres = Postgres(home, options=_POSTGRES)
    members = [Member(node, _NEVER_GIVE_UP) for node in nodes]
    found = Servers(settings, members, Member(postgres, _NEVER_GIVE_UP))
    try:
        found.disks = _disks(home, nodes)
        for member in found.members:
            member.start()
        found.wait_ready()
        database_url = postgres.database_url
        if standby:
            database_url = _follow(found, postgres, folder / "standby")
        bootstrap = ",".join(node.bootstrap_servers for node in nodes)
        found.settings = settings.at(bootstrap, database_url)
        _make_sure_they_are_ours(found.settings, (home.kafka / "cluster.id").read_text())
        if brokers == 1:
            found.proxy = found.start_proxy()
        yield found
    finally:
        found.close()


def _disks(home: Home, nodes: list[Node]) -> dict[str, Disk]:
    places = {"postgres": home.postgres, **{node.name: home.kafka / node.name for node in nodes}}
    for place in places.values():
        place.mkdir(exist_ok=True)
    disks, why = mount(*places.values())
    if not disks:
        print(f"no disk will be full: none of its own can be mounted ({why})", flush=True)
    return {name: disks[place] for name, place in places.items() if place in disks}


def _follow(found: Servers, first: Postgres, folder: Path) -> str:
    """Start a standby, and wait until every commit waits for it; the address of either."""
    home = Home(folder)
    home.prepare()
    second = Standby(home, of=first)
    found.standby = Member(second, _NEVER_GIVE_UP)
    found.standby.start()
    found.wait_ready()
    return either(first.database_url, second.database_url)


def _make_sure_they_are_ours(settings: Settings, cluster_id: str) -> None:
    """Another harness may have taken a port between its choice and its use."""
    admin = AdminClient({**settings.kafka_config(), "log_level": 0})
    there = admin.list_topics(timeout=10).cluster_id
    assert there == cluster_id, f"{settings.bootstrap_servers} is somebody else's broker: try again"


@contextmanager
def full(database_url: str) -> Iterator[None]:
    """Take every connection that Postgres gives until the block ends."""
    taken = []
    with suppress(psycopg.OperationalError):
        while True:
            taken.append(psycopg.connect(database_url, connect_timeout=2))
    try:
        yield
    finally:
        for connection in taken:
            connection.close()


def end_log_segments(database_url: str) -> None:
    """Let Postgres need a new file for its log, once more than it may have in stock."""
    with (
        suppress(psycopg.Error),
        psycopg.connect(database_url, autocommit=True, connect_timeout=2) as connection,
    ):
        for _ in range(_LOG_FILES):
            connection.execute("SELECT pg_logical_emit_message(false, 'torture', 'x')")
            connection.execute("SELECT pg_switch_wal()")


def backends(postmaster: int) -> list[int]:
    """The pids of the processes that serve connections."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[1]) == postmaster:
                pid = int(status.parent.name)
                command = (status.parent / "cmdline").read_bytes().replace(b"\0", b" ")
                if b" 127.0.0.1(" in command:
                    found.append(pid)
    return found
