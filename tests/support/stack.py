"""Real servers for tests: embedded ones, or containers where a Docker engine answers."""

from __future__ import annotations

import gc
import itertools
import os
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from runfold.events.topics import TOPICS
from runfold.producers.log.consumers import admin_of
from runfold.stack import control, ports
from runfold.stack.kafka.broker import answers
from runfold.stack.kafka.jars import KAFKA_RELEASE
from runfold.stack.settings import Settings
from tests.support.topics import fresh_topics
from tests.support.waiting import wait_until

__all__ = [
    "TO_THE_END",
    "Servers",
    "embedded_settings",
    "fresh_database",
    "fresh_topics",
    "named_topics",
    "pid_of",
    "servers",
    "temporary_home",
    "wait_until",
]

_BROKER = {
    "NODE_ID": "1",
    "PROCESS_ROLES": "broker,controller",
    "CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
    "ADVERTISED_LISTENERS": "PLAINTEXT://127.0.0.1:{port}",
    "LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "AUTO_CREATE_TOPICS_ENABLE": "false",
    "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
    "SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
    "GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    "GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
    "GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS": "1000",
    "GROUP_CONSUMER_SESSION_TIMEOUT_MS": "3000",
    "GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS": "200",
    "GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS": "500",
}
_databases = itertools.count(1)

TO_THE_END: dict[str, str | int | float | bool] = {
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    # The end is said by an answer without records, which a broker holds back for half a second.
    "fetch.wait.max.ms": 10,
    "log_level": 0,
}
"""What a consumer begins with that reads a topic to its end."""


@dataclass(frozen=True)
class Servers:
    """One Kafka and one Postgres; ``embedded`` ones have a home and can be killed."""

    settings: Settings
    embedded: bool

    @property
    def bootstrap_servers(self) -> str:
        """Where Kafka is."""
        return self.settings.bootstrap_servers

    @property
    def database_url(self) -> str:
        """Where Postgres is."""
        return self.settings.database_url

    def pid(self, name: str) -> int:
        """The process of ``kafka`` or ``postgres``."""
        return pid_of(self.settings, name)

    def kill(self, name: str, away_s: float = 0) -> None:
        """SIGKILL ``kafka`` or ``postgres`` and wait until the supervisor has a new one ready.

        It is away for at least ``away_s``.
        """
        before, known = self.pid(name), control.status(self.settings)
        assert known is not None
        # A supervisor that stands still starts nothing.
        os.kill(known.pid, signal.SIGSTOP)
        try:
            os.kill(before, signal.SIGKILL)
            time.sleep(away_s)
        finally:
            os.kill(known.pid, signal.SIGCONT)
        wait_until(lambda: _is_up_again(self.settings, name, before), 120)


def pid_of(settings: Settings, name: str) -> int:
    """The process of a member of the stack that runs in this home."""
    known = control.status(settings)
    assert known is not None, "no supervisor runs"
    pid = next(member.pid for member in known.members if member.name == name)
    assert pid is not None, f"{name} is not running"
    return pid


def _is_up_again(settings: Settings, name: str, before: int) -> bool:
    known = control.status(settings)
    return known is not None and any(
        member.name == name and member.state == "running" and member.pid not in {None, before}
        for member in known.members
    )


@contextmanager
def temporary_home() -> Iterator[Path]:
    """A home that the user of Postgres may enter, removed afterwards."""
    home = Path(tempfile.mkdtemp(prefix="runfold-"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def servers() -> Iterator[Servers]:
    """Servers for one session, gone when it ends, however it ends."""
    if _docker_answers():
        with _containers() as settings:
            yield Servers(settings, embedded=False)
        return
    with temporary_home() as home:
        settings = embedded_settings(home)
        running = control.up(settings, tied=True)
        try:
            yield Servers(running.settings, embedded=True)
        finally:
            control.down(settings)


def embedded_settings(home: Path) -> Settings:
    """Settings of an embedded stack in a home, whatever the environment points at."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("KAFKA_")}
    return Settings.from_env({**own, "RUNFOLD_HOME": str(home), "DATABASE_URL": ""})


def _docker_answers() -> bool:
    if "DOCKER_HOST" not in os.environ and not Path("/var/run/docker.sock").exists():
        return False
    import docker  # noqa: PLC0415 - slow to import, rarely needed
    from docker.errors import DockerException  # noqa: PLC0415

    with warnings.catch_warnings():
        # Where no engine answers, the client forgets to close its socket.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            client = docker.from_env(timeout=2)
        except DockerException:
            client = None
        gc.collect()
    if client is None:
        return False
    try:
        return bool(client.ping())
    finally:
        client.close()


@contextmanager
def _containers() -> Iterator[Settings]:
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415
    from testcontainers.postgres import PostgresContainer  # noqa: PLC0415

    with temporary_home() as home:
        # A broker tells its clients its address, so the port on the host is chosen first.
        port = ports.claim(home / "ports.json", ("kafka",))["kafka"]
        kafka = DockerContainer(f"apache/kafka:{KAFKA_RELEASE}").with_bind_ports(9092, port)
        for name, value in _BROKER.items():
            kafka = kafka.with_env(f"KAFKA_{name}", value.format(port=port))
        with kafka, PostgresContainer("postgres:18", driver=None) as postgres:
            address = f"127.0.0.1:{port}"
            wait_until(lambda: answers(address), 60)
            yield embedded_settings(home).at(address, postgres.get_connection_url())


@contextmanager
def fresh_database(database_url: str) -> Iterator[str]:
    """An empty database on the same server; its address, and it is dropped afterwards."""
    name = sql.Identifier(f"test_{os.getpid()}_{next(_databases)}")
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
    try:
        yield urlsplit(database_url)._replace(path="/" + name.as_string().strip('"')).geturl()
    finally:
        with psycopg.connect(database_url, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@contextmanager
def named_topics(settings: Settings, deployment: str) -> Iterator[Settings]:
    """The settings of a named deployment with empty topics, which are deleted afterwards."""
    named = replace(settings, deployment=deployment)
    fresh_topics(named)
    try:
        yield named
    finally:
        names = [topic.name for topic in TOPICS]
        admin = admin_of(named.kafka_config())
        for future in admin.delete_topics(names, operation_timeout=20).values():
            future.result()
