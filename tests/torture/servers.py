"""The servers under torture: brokers and Postgres as children of the harness itself.

The supervisor of the product would give a server up that dies too often; here it never is.
"""

from __future__ import annotations

import os
import shutil
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

from stack import broker_config, jars, java, kafka, ports
from stack.home import Home
from stack.kafka import Broker
from stack.member import Member, Patience
from stack.postgres import Postgres
from stack.process import spawn
from stack.settings import Settings

_NEVER_GIVE_UP = Patience(first=0.05, longest=0.5, ends=1_000_000)
_UP_S = 90.0


@dataclass
class Node(Broker):
    """One broker of a cluster, with a second listener that is advertised as the proxy."""

    number: int = 1
    count: int = 1
    shared: Path = Path()

    def start(self) -> subprocess.Popen[bytes]:
        """Start the broker on its remembered ports."""
        folder, runtime = jars.ensure(self.cache, self.report), java.find()
        port = self._ports()
        self.bootstrap_servers = f"127.0.0.1:{port[f'kafka{self.number}']}"
        data = self.home.kafka / f"data{self.number}"
        self._format(data)
        config = self.home.kafka / f"server{self.number}.properties"
        config.write_text(self._properties(port, data))
        log4j = self.home.kafka / f"log4j2-{self.number}.yaml"
        log4j.write_text(broker_config.logging(self.home.logs / f"{self.name}.log"))
        options = [*kafka._JVM, f"-Dlog4j2.configurationFile={log4j}", *self._aot(runtime)]
        if runtime.major >= kafka._NATIVE_ACCESS_SINCE:
            options.append("--enable-native-access=ALL-UNNAMED")
        classpath = ":".join(str(folder / item.filename) for item in jars.read_lock())
        return spawn(
            [str(runtime.program), *options, "-cp", classpath, "kafka.Kafka", str(config)],
            log=self.home.logs / f"{self.name}.out.log",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
        )

    def _ports(self) -> dict[str, int]:
        names = [f"{what}{n}" for n in range(1, self.count + 1) for what in ("kafka", "control")]
        file = self.home.run / "ports.json"
        if not file.exists():
            return ports.claim(file, (*names, "behind", "proxy", "postgres"))
        return ports._read(file)

    def _properties(self, port: dict[str, int], data: Path) -> str:
        given = broker_config.properties(0, 0, data)
        known = dict(line.split("=", 1) for line in given.splitlines())
        plain = f"127.0.0.1:{port[f'kafka{self.number}']}"
        known |= {
            "node.id": str(self.number),
            "controller.quorum.voters": ",".join(
                f"{n}@127.0.0.1:{port[f'control{n}']}" for n in range(1, self.count + 1)
            ),
            "listeners": f"PLAINTEXT://{plain},"
            f"CONTROLLER://127.0.0.1:{port[f'control{self.number}']}",
            "advertised.listeners": f"PLAINTEXT://{plain}",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXY:PLAINTEXT,"
            "CONTROLLER:PLAINTEXT",
        }
        if self.count == 1:
            known["listeners"] += f",PROXY://127.0.0.1:{port['behind']}"
            known["advertised.listeners"] += f",PROXY://127.0.0.1:{port['proxy']}"
        else:
            known |= _REPLICATED
        return "".join(f"{name}={value}\n" for name, value in known.items())

    def _format(self, data: Path) -> None:
        kafka._format(data)
        file = data / "meta.properties"
        if self.number == 1 and not (self.shared / "cluster.id").exists():
            known = dict(line.split("=", 1) for line in file.read_text().splitlines())
            (self.shared / "cluster.id").write_text(known["cluster.id"])
        cluster = (self.shared / "cluster.id").read_text()
        lines = dict(line.split("=", 1) for line in file.read_text().splitlines())
        lines |= {"node.id": str(self.number), "cluster.id": cluster}
        file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))

    def _aot(self, runtime: java.Java) -> list[str]:
        cached = jars.aot_cache(self.cache, runtime.version)
        usable = runtime.has_aot_cache and cached.exists()
        return [f"-XX:AOTCache={cached}"] if usable else []


_REPLICATED = {
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
    "broker.session.timeout.ms": "2000",
    "controller.quorum.election.timeout.ms": "500",
    "controller.quorum.fetch.timeout.ms": "1000",
}


@dataclass
class Servers:
    """Brokers, Postgres and the proxy; ``tend`` starts again what died."""

    settings: Settings
    brokers: list[Member]
    postgres: Member
    proxy: subprocess.Popen[bytes] | None = None
    frozen: set[int] = field(default_factory=set)

    def tend(self) -> None:
        """Start again what died."""
        for member in (*self.brokers, self.postgres):
            member.watch(time.monotonic())
        if self.proxy is not None and self.proxy.poll() is not None:
            self.proxy = self.start_proxy()

    def start_proxy(self) -> subprocess.Popen[bytes]:
        """Start the proxy before the second listener of the only broker."""
        port = ports._read(self.settings.home / "run" / "ports.json")
        return subprocess.Popen(
            [sys.executable, "-m", "tests.torture.proxy", str(port["proxy"]), str(port["behind"])],
            stdin=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
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

    def wait_until(self, done: Callable[[], bool], what: str) -> None:
        """Tend until something holds."""
        until = time.monotonic() + _UP_S
        while not done():
            assert time.monotonic() < until, f"{what}: not after {_UP_S} s"
            self.tend()
            time.sleep(0.05)

    def wait_ready(self) -> None:
        """Wait until every server answers."""
        self.wait_until(
            lambda: all(m.state == "running" for m in (*self.brokers, self.postgres)),
            "the servers are up",
        )

    def close(self) -> None:
        """End them all."""
        for member in (*self.brokers, self.postgres):
            if member.process is not None:
                with suppress(ProcessLookupError):
                    os.kill(member.process.pid, signal.SIGCONT)
            member.stop()
        if self.proxy is not None:
            self.proxy.kill()
            self.proxy.wait()
            if self.proxy.stdin is not None:
                self.proxy.stdin.close()


@contextmanager
def servers(folder: Path, brokers: int = 1) -> Iterator[Servers]:
    """Servers in a folder that every user may enter; gone when the block ends."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("KAFKA_")}
    settings = Settings.from_env({**own, "RUNFOLD_HOME": str(folder), "DATABASE_URL": ""})
    home = Home(settings.home)
    home.prepare()
    nodes = [
        Node(home, settings.cache, name=f"kafka{n}", number=n, count=brokers, shared=home.kafka)
        for n in range(1, brokers + 1)
    ]
    postgres = Postgres(home)
    members = [Member(node, _NEVER_GIVE_UP) for node in nodes]
    found = Servers(settings, members, Member(postgres, _NEVER_GIVE_UP))
    try:
        for member in (*members, found.postgres):
            member.start()
        found.wait_ready()
        bootstrap = ",".join(node.bootstrap_servers for node in nodes)
        found.settings = settings.at(bootstrap, postgres.database_url)
        _make_sure_they_are_ours(found.settings, (home.kafka / "cluster.id").read_text())
        if brokers == 1:
            found.proxy = found.start_proxy()
        yield found
    finally:
        found.close()


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


def remove(folder: Path) -> None:
    """Delete what servers left."""
    shutil.rmtree(folder, ignore_errors=True)
