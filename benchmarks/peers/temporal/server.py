"""Temporal's server, set up as its development configuration has it.

The record of runs is on the shared Postgres. The index of runs for searching is in SQLite, which
costs less: on Postgres it needs the extension btree_gin, which the wheel does not carry.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from benchmarks.peers.errors import NotMeasuredError
from benchmarks.peers.support import environment, servers
from runfold.stack import ports

VERSION = "1.32.1"
DATABASE = "temporal"
SEARCH = "search.sqlite"
"""The file of the index."""

_SERVICES = ("frontend", "matching", "history", "worker")
_HISTORY_SHARDS = 4


class TemporalServer:
    """All four services in one process."""

    def __init__(self, home: Path, database_url: str) -> None:
        """Make the schemas, start it, and wait until its front end listens."""
        module = environment.install_go()
        names = [f"{service}-{kind}" for service in _SERVICES for kind in ("grpc", "member")]
        self._ports = ports.claim(home / "ports.json", (*names, "http"))
        at = conninfo_to_dict(database_url)
        _make_schema(module, at)
        # JSON is YAML.
        config = home / "temporal.yaml"
        config.write_text(json.dumps(self._config(at, home)))
        (home / "dynamic.yaml").write_text("{}\n")
        log = home / "server.log"
        program = str(environment.BUILD / "go" / "bin" / "server")
        command = [program, "--config-file", str(config), "--allow-no-auth", "start"]
        self.process: subprocess.Popen[bytes] = servers.start(command, log, home)
        servers.wait_for_port(self._ports["frontend-grpc"], self.process, log)
        self.address = f"127.0.0.1:{self._ports['frontend-grpc']}"

    def _config(self, at: dict[str, Any], home: Path) -> dict[str, Any]:
        front = f"127.0.0.1:{self._ports['frontend-grpc']}"
        active = {"enabled": True, "initialFailoverVersion": 1, "rpcName": "frontend"}
        return {
            "log": {"stdout": True, "level": "warn"},
            "persistence": {
                "defaultStore": "record",
                "visibilityStore": "search",
                "numHistoryShards": _HISTORY_SHARDS,
                "datastores": {
                    "record": {"sql": _record(at)},
                    "search": {"sql": _search(home / SEARCH)},
                },
            },
            "global": {"membership": {"maxJoinDuration": "30s", "broadcastAddress": "127.0.0.1"}},
            "services": {service: {"rpc": self._rpc(service)} for service in _SERVICES},
            "clusterMetadata": {
                "enableGlobalNamespace": False,
                "failoverVersionIncrement": 10,
                "masterClusterName": "active",
                "currentClusterName": "active",
                "clusterInformation": {"active": {**active, "rpcAddress": front}},
            },
            "dcRedirectionPolicy": {"policy": "noop"},
            "dynamicConfigClient": {
                "filepath": str(home / "dynamic.yaml"),
                "pollInterval": "10s",
            },
        }

    def _rpc(self, service: str) -> dict[str, Any]:
        rpc: dict[str, Any] = {
            "grpcPort": self._ports[f"{service}-grpc"],
            "membershipPort": self._ports[f"{service}-member"],
            "bindOnLocalHost": True,
        }
        return rpc | ({"httpPort": self._ports["http"]} if service == "frontend" else {})


def _record(at: dict[str, Any]) -> dict[str, Any]:
    return {
        "pluginName": "postgres12",
        "databaseName": DATABASE,
        "connectAddr": f"{at['host']}:{at['port']}",
        "connectProtocol": "tcp",
        "user": at["user"],
        "password": at["password"],
        "maxConns": 20,
        "maxIdleConns": 20,
        "maxConnLifetime": "1h",
    }


def _search(file: Path) -> dict[str, Any]:
    return {
        "pluginName": "sqlite",
        "databaseName": str(file),
        "connectAddr": "localhost",
        "connectProtocol": "tcp",
        "connectAttributes": {
            "cache": "private",
            "setup": "true",
            "journal_mode": "wal",
            "synchronous": "2",
        },
        "maxConns": 1,
        "maxIdleConns": 1,
        "maxConnLifetime": "1h",
    }


def _make_schema(module: Path, at: dict[str, Any]) -> None:
    program = str(environment.BUILD / "go" / "bin" / "sql")
    where = ["--plugin", "postgres12", "--ep", at["host"], "-p", at["port"]]
    tool = [program, *where, "-u", at["user"], "--pw", at["password"], "--db", DATABASE]
    versioned = module / "schema" / "postgresql" / "v12" / "temporal" / "versioned"
    steps = ["create"], ["setup-schema", "-v", "0.0"], ["update-schema", "-d", str(versioned)]
    for step in steps:
        done = subprocess.run([*tool, *step], capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stdout + done.stderr).strip().splitlines() or [""]
            raise NotMeasuredError(f"Temporal's schema tool failed: {said[-1][:300]}")
