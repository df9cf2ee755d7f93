"""What a process of Runfold knows of its surroundings, read from the environment once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runfold.infra.database.address import DatabaseAddressError, in_schema, schema_name

# KAFKA_HEAP_OPTS and its like belong to other programs.
_CLIENT_SETTINGS = ("security", "sasl", "ssl", "enable.ssl", "client", "socket", "broker.address")
# A broker that is back is found at once; unasked, a client tries every ten seconds in the end.
_RECONNECT = {"reconnect.backoff.ms": "20", "reconnect.backoff.max.ms": "500"}
_GROUP_PROTOCOLS = ("classic", "consumer")


class ConfigError(Exception):
    """The environment lacks something, or says something that cannot be meant."""


@dataclass(frozen=True, slots=True)
class Config:
    """Addresses and places; ``kafka`` is what every confluent-kafka client begins with.

    ``stall_after`` and ``stuck_after`` are the watchdogs' patience in seconds: with a consumer to
    which nothing comes though it is there, and with a step that does not end.
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

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Config:
        """Read the environment; raises ConfigError with a sentence that says what to set."""
        env = os.environ if env is None else env
        home = env.get("RUNFOLD_HOME", "").strip()
        protocol = env.get("RUNFOLD_GROUP_PROTOCOL", "").strip() or "classic"
        if protocol not in _GROUP_PROTOCOLS:
            raise ConfigError(
                f"RUNFOLD_GROUP_PROTOCOL must be one of {', '.join(_GROUP_PROTOCOLS)}, "
                f"not {protocol!r}."
            )
        return cls(
            kafka=_kafka(env),
            database_url=_database(env),
            schema_registry_url=env.get("SCHEMA_REGISTRY_URL", "").strip(),
            home=Path(home).expanduser().absolute() if home else None,
            partitions=_number(env, "RUNFOLD_PARTITIONS", 1000),
            group_protocol=protocol,
            metrics_port=_number(env, "RUNFOLD_METRICS_PORT", 65535),
            stall_after=float(_number(env, "RUNFOLD_STALL_AFTER_S", 3600) or 30),
            stuck_after=float(_number(env, "RUNFOLD_STUCK_AFTER_S", 3600) or 60),
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


def _database(env: Mapping[str, str]) -> str:
    try:
        return in_schema(env.get("DATABASE_URL", "").strip(), schema_name(env))
    except DatabaseAddressError as error:
        raise ConfigError(str(error)) from error


def _kafka(env: Mapping[str, str]) -> dict[str, str]:
    bootstrap = env.get("KAFKA_BOOTSTRAP_SERVERS", "").strip()
    if not bootstrap:
        raise ConfigError(
            "KAFKA_BOOTSTRAP_SERVERS is not set: start everything with `runfold up`, "
            "or name the brokers to use."
        )
    options = {"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", **_RECONNECT}
    for name, value in env.items():
        option = name.removeprefix("KAFKA_").lower().replace("_", ".")
        if name.startswith("KAFKA_") and value and option.startswith(_CLIENT_SETTINGS):
            options[option] = value
    return options


def _number(env: Mapping[str, str], name: str, most: int) -> int | None:
    text = env.get(name, "").strip()
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise ConfigError(f"{name} must be a number from 1 to {most}, not {text!r}.")
    return int(text)
