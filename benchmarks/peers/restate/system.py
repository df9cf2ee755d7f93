"""Restate: its server from npm, its Python SDK served by hypercorn.

The server's licence is the Business Source License 1.1. The user downloads it to measure it here;
nothing of Runfold contains it or needs it.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from benchmarks.peers.agent.work import LEDGER, Load
from benchmarks.peers.contract import Done, Facts, Place
from benchmarks.peers.errors import NotMeasuredError
from benchmarks.peers.profile import Scope
from benchmarks.peers.restate.client import run_all
from benchmarks.peers.support import environment, meters, servers
from runfold.stack import ports
from runfold.stack.processes import process

_VERSION = "1.7.12"
_WORKERS = 2
_SERVER = """\
base-dir = "{data}"
bind-port = {node}
node-name = "bench"
listen-mode = "tcp"
disable-telemetry = true
log-filter = "warn"

[default-retry-policy]
initial-interval = "50ms"
max-interval = "500ms"

[ingress]
bind-port = {ingress}

[admin]
bind-port = {admin}
disable-web-ui = true
"""
_WORKER = """\
bind = "127.0.0.1:{service}"
h2_max_concurrent_streams = 2147483647
keep_alive_max_requests = 2147483647
keep_alive_timeout = 2147483647
workers = {workers}
"""


@dataclass
class Restate:
    """One node and one deployment of the service."""

    name: str = "restate"
    title: str = "Restate"
    scope: Scope = Scope.ALL
    _ports: dict[str, int] = field(default_factory=dict)
    _server: subprocess.Popen[bytes] | None = None
    _worker: subprocess.Popen[bytes] | None = None
    _place: Place | None = None

    def __post_init__(self) -> None:
        """Number its runs."""
        self._numbers = count(1)

    def install(self) -> None:
        """Install the server and the SDK."""
        environment.install_python()
        environment.install_node()
        if not _program().exists():
            raise NotMeasuredError("npm has no Restate server for this kind of machine")

    def facts(self) -> Facts:
        """Return versions and settings."""
        return Facts(
            {"restate-server": _VERSION, **environment.versions("restate-sdk", "hypercorn")},
            f"one node, defaults but for retries after 50 to 500 ms; {_WORKERS} worker processes "
            "of hypercorn; a request with an idempotency key a run",
            "server: Business Source License 1.1, downloaded by who measures it; SDK: MIT",
        )

    def start(self, place: Place) -> None:
        """Start server and worker, and make them known to each other."""
        self._place, home = place, place.home
        names = ("node", "ingress", "admin", "service")
        self._ports = ports.claim(home / "ports.json", names)
        config = home / "restate.toml"
        config.write_text(_SERVER.format(data=home / "data", **self._ports))
        (home / "hypercorn.toml").write_text(_WORKER.format(workers=_WORKERS, **self._ports))
        log = home / "server.log"
        self._server = servers.start([str(_program()), "--no-logo", "-c", str(config)], log, home)
        self.start_workers()
        assert self._worker is not None
        servers.wait_for_port(self._ports["service"], self._worker, home / "worker.log")
        servers.wait_for_port(self._ports["ingress"], self._server, log)
        deployment = {"uri": f"http://127.0.0.1:{self._ports['service']}", "force": True}
        servers.post(f"http://127.0.0.1:{self._ports['admin']}/deployments", deployment)

    def run(self, count: int, at_once: int, load: Load) -> Done:
        """Make the runs."""
        run_ids = [f"run-{next(self._numbers):08d}" for _ in range(count)]
        return run_all(self._ports["ingress"], run_ids, at_once, load.goal())

    def kill_workers(self) -> None:
        """Kill hypercorn with its workers."""
        assert self._worker is not None
        process.kill_group(self._worker.pid)
        self._worker.wait()

    def start_workers(self) -> None:
        """Start hypercorn; the server finds it by itself."""
        assert self._place is not None
        home = self._place.home
        serve = ["-m", "hypercorn", "--config", str(home / "hypercorn.toml")]
        self._worker = servers.start(
            [str(environment.PYTHON), *serve, "benchmarks.peers.restate.service:app"],
            home / "worker.log",
            environment.ROOT,
            {LEDGER: str(self._place.ledger.path), "PYTHONPATH": str(environment.ROOT)},
        )

    def pids(self) -> Mapping[str, list[int]]:
        """Return the processes by part."""
        assert self._worker is not None
        assert self._server is not None
        return {"worker": [self._worker.pid], "store": [self._server.pid]}

    def bytes_at_rest(self) -> Mapping[str, int]:
        """Return what is in its folder: log and state."""
        assert self._place is not None
        return {"record": meters.files_bytes(self._place.home / "data", "**/*")}

    def stop(self) -> None:
        """End worker and server."""
        for started in (self._worker, self._server):
            if started is not None:
                process.stop(started, signal.SIGKILL, 10.0)
        self._worker = self._server = None


def _program() -> Path:
    packages = environment.BUILD / "node" / "node_modules" / "@restatedev"
    found = sorted(packages.glob("restate-server-*/bin/restate-server"))
    return found[0] if found else packages / "restate-server"
