"""The embedded broker: one real Kafka process."""

from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import KafkaException

from runfold.infra.kafka import clients
from runfold.stack import ports
from runfold.stack.errors import StackError
from runfold.stack.home import Home, need_room
from runfold.stack.kafka import broker_config, jars, java
from runfold.stack.processes.process import spawn, tail

# What `StorageTool format` of this release leaves in an empty folder: the feature levels, and
# nothing that differs from cluster to cluster. Copying it saves the start of a JVM.
_BOOTSTRAP = Path(__file__).with_name(f"kafka-{jars.KAFKA_RELEASE}.bootstrap.checkpoint")
_LEVEL = re.compile(rb"metadata\.version(..)", re.DOTALL)
_JVM = ("-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xlog:aot*=error")
_NATIVE_ACCESS_SINCE = 22
_TELLING = ("No space left", "Address already in use", "Permission denied", "OutOfMemory", "FATAL")


@dataclass
class Broker:
    """One broker with its files in a home; started, asked, stopped."""

    home: Home
    cache: Path
    jvm_options: str = ""
    report: Callable[[str], None] = lambda _: None
    name: str = "kafka"
    once: bool = False
    stop_signal: int = signal.SIGTERM
    # The first clean stop records the ahead-of-time cache, which takes some seconds.
    stop_seconds: float = 30.0
    bootstrap_servers: str = field(default="", init=False)
    _recording: Path | None = field(default=None, init=False)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the broker on its remembered ports; raises StackError if it cannot be made."""
        need_room(self.home.kafka)
        data = self.home.kafka / "data"
        # Before anything is fetched: a folder that cannot be read is reported at once.
        _format(data)
        folder = jars.ensure(self.cache, self.report)
        runtime = java.find()
        port = ports.claim(self.home.run / "ports.json", ("kafka", "controller"))
        self.bootstrap_servers = f"127.0.0.1:{port['kafka']}"
        config = self.home.kafka / "server.properties"
        config.write_text(self._properties(port["kafka"], port["controller"], data))
        log4j = self.home.kafka / "log4j2.yaml"
        log4j.write_text(broker_config.logging(self.home.logs / "kafka.log"))
        options = [*_JVM, f"-Dlog4j2.configurationFile={log4j}", *self._aot(runtime)]
        if runtime.major >= _NATIVE_ACCESS_SINCE:
            options.append("--enable-native-access=ALL-UNNAMED")
        options += self.jvm_options.split()
        # In the lock's order: a cache recorded under another order would be ignored.
        classpath = ":".join(str(folder / item.filename) for item in jars.read_lock())
        return spawn(
            [str(runtime.program), *options, "-cp", classpath, "kafka.Kafka", str(config)],
            log=self.home.logs / "kafka.out.log",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
        )

    def is_ready(self) -> bool:
        """Return whether the broker answers a question about its cluster."""
        return answers(self.bootstrap_servers)

    def why_it_ended(self) -> str:
        """Return the line of its logs that tells most."""
        out = tail(self.home.logs / "kafka.out.log", _TELLING)
        said = tail(self.home.logs / "kafka.log", (*_TELLING, " ERROR "))
        return next((line for line in (said, out) if any(w in line for w in _TELLING)), said or out)

    def why_it_was_killed(self) -> str:
        """Return nothing: its log says nothing of a signal, and older lines are no reason."""
        return ""

    def stopped(self, *, cleanly: bool) -> None:
        """Keep the ahead-of-time cache that a clean stop has recorded."""
        if self._recording is None or not self._recording.exists():
            return
        if cleanly:
            self._recording.replace(jars.aot_cache(self.cache, java.find().version))
        else:
            self._recording.unlink()

    def _properties(self, port: int, controller_port: int, data: Path) -> str:
        """Return what the broker is told; tests have brokers that are told more."""
        return broker_config.properties(port, controller_port, data)

    def _aot(self, runtime: java.Java) -> list[str]:
        self._recording = None
        if not runtime.has_aot_cache:
            return []
        cached = jars.aot_cache(self.cache, runtime.version)
        if cached.exists():
            return [f"-XX:AOTCache={cached}"]
        self._recording = cached.with_name(f".{cached.name}.{os.getpid()}")
        return [f"-XX:AOTCacheOutput={self._recording}"]


def answers(bootstrap_servers: str, seconds: float = 0.5) -> bool:
    """Return whether a broker answers at this address within the time given."""
    admin = clients.admin(
        {
            "bootstrap.servers": bootstrap_servers,
            "log_level": 0,
            "reconnect.backoff.ms": 10,
            "reconnect.backoff.max.ms": 30,
        }
    )
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if admin.list_topics(timeout=seconds).brokers:
                return True
        except KafkaException:
            time.sleep(0.02)
    return False


def _format(data: Path) -> None:
    if (data / "meta.properties").exists():
        _need_readable(data)
        return
    data.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_BOOTSTRAP, data / "bootstrap.checkpoint")
    # Last, and whole: a folder with this file in it counts as formatted.
    new = data.with_name("meta.properties.new")
    new.write_text(
        f"cluster.id={_uuid()}\ndirectory.id={_uuid()}\nnode.id=1\nversion=1\n", encoding="ascii"
    )
    new.replace(data / "meta.properties")


def _need_readable(data: Path) -> None:
    """Raise StackError where a newer release has made the folder: this one could not read it."""
    made = data / "bootstrap.checkpoint"
    if made.exists() and _metadata_level(made) > _metadata_level(_BOOTSTRAP):
        raise StackError(
            f"{data} was made by a Kafka newer than {jars.KAFKA_RELEASE}, which cannot read it: "
            "set RUNFOLD_HOME to another folder, or delete this home if nothing in it is needed."
        )


def _metadata_level(checkpoint: Path) -> int:
    found = _LEVEL.search(checkpoint.read_bytes())
    return int.from_bytes(found[1]) if found else 0


def _uuid() -> str:
    # Kafka's form of a UUID; one with a leading dash would be read as an option.
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
