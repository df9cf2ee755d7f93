"""Where everything is: one frozen record, read from the environment once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from runfold.infra.database.address import (
    DEFAULT,
    VARIABLE,
    DatabaseAddressError,
    in_schema,
    schema_name,
)
from runfold.stack.errors import StackError

EMBEDDED_PARTITIONS = 4
CLUSTER_PARTITIONS = 24

# librdkafka settings that KAFKA_* may carry; KAFKA_HEAP_OPTS and its like belong to other programs.
_CLIENT_SETTINGS = ("security", "sasl", "ssl", "enable.ssl", "client", "socket", "broker.address")


@dataclass(frozen=True, slots=True)
class Settings:
    """Addresses and places; an empty address means that the embedded server is meant."""

    home: Path
    cache: Path
    bootstrap_servers: str = ""
    database_url: str = field(default="", repr=False)
    schema_registry_url: str = ""
    partitions: int = EMBEDDED_PARTITIONS
    database_schema: str = DEFAULT
    kafka_options: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    kafka_jvm_options: str = ""

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the settings; raises StackError where a value cannot be meant."""
        env = os.environ if env is None else env
        bootstrap = env.get("KAFKA_BOOTSTRAP_SERVERS", "").strip()
        return cls(
            home=_home(env),
            cache=_cache(env),
            bootstrap_servers=bootstrap,
            database_url=_database(env),
            database_schema=_schema(env),
            schema_registry_url=env.get("SCHEMA_REGISTRY_URL", "").strip(),
            partitions=_partitions(env, embedded=not bootstrap),
            kafka_options=tuple(sorted(_kafka_options(env).items())),
            kafka_jvm_options=env.get("RUNFOLD_KAFKA_JVM_OPTIONS", "").strip(),
        )

    def kafka_config(self) -> dict[str, str | int | float]:
        """Return what every confluent-kafka client begins with: address and security."""
        if not self.bootstrap_servers:
            raise StackError(
                "No Kafka address is known: start the stack with `runfold up`, "
                "or set KAFKA_BOOTSTRAP_SERVERS."
            )
        return {**dict(self.kafka_options), "bootstrap.servers": self.bootstrap_servers}

    def producer_config(self) -> dict[str, str | int | float]:
        """Return what every producer begins with: keys are placed as Java clients place them."""
        return {**self.kafka_config(), "partitioner": "murmur2_random"}

    def at(self, bootstrap_servers: str, database_url: str) -> Settings:
        """Return the same settings with these addresses."""
        return replace(
            self,
            bootstrap_servers=bootstrap_servers,
            database_url=in_schema(database_url, self.database_schema),
        )

    def to_env(self) -> dict[str, str]:
        """Return the variables from which a child process reads these settings again."""
        env = {
            "RUNFOLD_HOME": str(self.home),
            "RUNFOLD_CACHE": str(self.cache),
            "RUNFOLD_PARTITIONS": str(self.partitions),
            "RUNFOLD_KAFKA_JVM_OPTIONS": self.kafka_jvm_options,
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "DATABASE_URL": self.database_url,
            VARIABLE: self.database_schema,
            "SCHEMA_REGISTRY_URL": self.schema_registry_url,
        }
        for name, value in self.kafka_options:
            env["KAFKA_" + name.upper().replace(".", "_")] = value
        return env


def _schema(env: Mapping[str, str]) -> str:
    try:
        return schema_name(env)
    except DatabaseAddressError as error:
        raise StackError(str(error)) from error


def _database(env: Mapping[str, str]) -> str:
    try:
        return in_schema(env.get("DATABASE_URL", "").strip(), _schema(env))
    except DatabaseAddressError as error:
        raise StackError(str(error)) from error


def _home(env: Mapping[str, str]) -> Path:
    if env.get("RUNFOLD_HOME"):
        return Path(env["RUNFOLD_HOME"]).expanduser().absolute()
    # Root's own home is closed to the user that Postgres must run as.
    if os.geteuid() == 0:
        return Path("/var/lib/runfold")
    data = env.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "runfold"


def _cache(env: Mapping[str, str]) -> Path:
    if env.get("RUNFOLD_CACHE"):
        return Path(env["RUNFOLD_CACHE"]).expanduser().absolute()
    return Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "runfold"


def _partitions(env: Mapping[str, str], *, embedded: bool) -> int:
    text = env.get("RUNFOLD_PARTITIONS", "").strip()
    if not text:
        return EMBEDDED_PARTITIONS if embedded else CLUSTER_PARTITIONS
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise StackError(f"RUNFOLD_PARTITIONS must be a number from 1 to 1000, not {text!r}.")
    return int(text)


def _kafka_options(env: Mapping[str, str]) -> dict[str, str]:
    options = {}
    for name, value in env.items():
        option = name.removeprefix("KAFKA_").lower().replace("_", ".")
        if name.startswith("KAFKA_") and value and option.startswith(_CLIENT_SETTINGS):
            options[option] = value
    return options
