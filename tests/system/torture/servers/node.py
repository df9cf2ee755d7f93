"""A broker under torture: alone behind a proxy, or one of three that replicate everything."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from runfold.stack import ports
from runfold.stack.home import need_room
from runfold.stack.kafka import broker, broker_config, jars, java
from runfold.stack.kafka.broker import Broker
from runfold.stack.processes.process import spawn


@dataclass
class Node(Broker):
    """One broker of a cluster, with a second listener that is advertised as the proxy."""

    number: int = 1
    count: int = 1
    shared: Path = Path()

    def start(self) -> subprocess.Popen[bytes]:
        """Start the broker on its remembered ports."""
        need_room(self.home.kafka / self.name)
        folder, runtime = jars.ensure(self.cache, self.report), java.find()
        port = self._ports()
        self.bootstrap_servers = f"127.0.0.1:{port[f'kafka{self.number}']}"
        data = self.home.kafka / self.name / "data"
        self._format(data)
        config = self.home.kafka / f"server{self.number}.properties"
        config.write_text(self._member_properties(port, data))
        log4j = self.home.kafka / f"log4j2-{self.number}.yaml"
        log4j.write_text(broker_config.logging(self.home.logs / f"{self.name}.log"))
        options = [*broker._JVM, f"-Dlog4j2.configurationFile={log4j}", *self._aot(runtime)]
        if runtime.major >= broker._NATIVE_ACCESS_SINCE:
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

    def _member_properties(self, port: dict[str, int], data: Path) -> str:
        given = broker_config.properties(0, 0, data)
        known = dict(line.split("=", 1) for line in given.splitlines() if line[:1] != "#")
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
        broker._format(data)
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
    # Three JVMs and everything else on few cores: what is late is not dead.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "controller.quorum.election.timeout.ms": "1000",
    "controller.quorum.fetch.timeout.ms": "2000",
}
