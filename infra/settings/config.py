"""What a process of Runfold knows of its surroundings, read from the environment once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runfold.infra.database.address import database_url
from runfold.infra.deployment.naming import option_of
from runfold.infra.settings.declared import variables
from runfold.infra.settings.errors import ConfigError
from runfold.infra.settings.kafka import client_options

__all__ = ["Config", "ConfigError"]

# A broker that is back is found at once; unasked, a client tries every ten seconds in the end.
_RECONNECT = {"reconnect.backoff.ms": "20", "reconnect.backoff.max.ms": "500"}


@dataclass(frozen=True, slots=True)
class Config:
    """Addresses and places; ``kafka`` is what every confluent-kafka client begins with.

    ``stall_after`` and ``stuck_after`` are the watchdogs' time-outs in seconds: for a consumer that
    receives nothing though records are there, and for a step that does not end. ``drain_s`` is how
    long the calls in flight are waited for at the end.
    """

    kafka: Mapping[str, str] = field(repr=False)
    database_url: str = field(default="", repr=False)
    schema_registry_url: str = ""
    home: Path | None = None
    partitions: int | None = None
    group_protocol: str = "classic"
    metrics_port: int | None = None
    stall_after: float = 30.0
    stuck_after: float = 60.0
    drain_s: float = float(variables.DRAIN.default)

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Config:
        """Read the environment; raises ConfigError with a sentence that says what to set."""
        env = os.environ if env is None else env
        return cls(
            kafka=_kafka(env),
            database_url=database_url(env),
            schema_registry_url=variables.SCHEMA_REGISTRY_URL.read(env),
            home=variables.HOME.read(env),
            partitions=variables.PARTITIONS_COUNT.read(env),
            group_protocol=variables.GROUP_PROTOCOL.read(env),
            metrics_port=variables.METRICS_PORT.read(env),
            stall_after=float(variables.STALL_AFTER.read(env)),
            stuck_after=float(variables.STUCK_AFTER.read(env)),
            drain_s=float(variables.DRAIN.read(env)),
        )

    def need_database(self) -> str:
        """Return the database's URL; raises ConfigError where none is set."""
        if not self.database_url:
            raise ConfigError("DATABASE_URL is not set: name the Postgres database to use.")
        return self.database_url

    def need_home(self) -> Path:
        """Return the folder for data of this deployment; raises ConfigError where none is set."""
        if self.home is None:
            raise ConfigError("RUNFOLD_HOME is not set: name the folder that holds the artifacts.")
        return self.home


def _kafka(env: Mapping[str, str]) -> dict[str, str]:
    bootstrap = variables.BOOTSTRAP_SERVERS.need(
        env, "start everything with `runfold up`, or name the brokers to use."
    )
    own = {"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", **_RECONNECT}
    return {**own, **client_options(env), **option_of(variables.DEPLOYMENT_NAME.read(env))}
