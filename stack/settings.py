"""Where everything is: one frozen record, read from the environment once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from runfold.infra.database.address import (
    DEFAULT,
    VARIABLE,
    database_url,
    in_schema,
    schema_name,
)
from runfold.infra.deployment.naming import option_of
from runfold.infra.settings.declared import variables
from runfold.infra.settings.errors import ConfigError
from runfold.infra.settings.kafka import client_options
from runfold.stack.errors import StackError

EMBEDDED_PARTITIONS = 4
CLUSTER_PARTITIONS = 24


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
    deployment: str = ""

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the settings; raises StackError where a value cannot be meant."""
        env = os.environ if env is None else env
        try:
            return cls._read(env)
        except ConfigError as error:
            raise StackError(str(error)) from error

    @classmethod
    def _read(cls, env: Mapping[str, str]) -> Settings:
        bootstrap = variables.BOOTSTRAP_SERVERS.read(env)
        partitions = EMBEDDED_PARTITIONS if not bootstrap else CLUSTER_PARTITIONS
        return cls(
            home=variables.HOME.read(env) or _home(env),
            cache=variables.CACHE.read(env) or _cache(env),
            bootstrap_servers=bootstrap,
            database_url=database_url(env),
            database_schema=schema_name(env),
            schema_registry_url=variables.SCHEMA_REGISTRY_URL.read(env),
            partitions=variables.PARTITIONS_COUNT.read(env) or partitions,
            kafka_options=tuple(sorted(client_options(env).items())),
            kafka_jvm_options=variables.KAFKA_JVM_OPTIONS.read(env),
            deployment=variables.DEPLOYMENT_NAME.read(env),
        )

    def kafka_config(self) -> dict[str, str | int | float]:
        """Return what every client of Kafka begins with: address, security, and whose names."""
        if not self.bootstrap_servers:
            raise StackError(
                "No Kafka address is known: start the stack with `runfold up`, "
                "or set KAFKA_BOOTSTRAP_SERVERS."
            )
        own = {**option_of(self.deployment), "bootstrap.servers": self.bootstrap_servers}
        return {**dict(self.kafka_options), **own}

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
        if self.deployment:
            env[variables.DEPLOYMENT_NAME.name] = self.deployment
        for name, value in self.kafka_options:
            env["KAFKA_" + name.upper().replace(".", "_")] = value
        return env


def _home(env: Mapping[str, str]) -> Path:
    # Root's own home is closed to the user that Postgres must run as.
    if os.geteuid() == 0:
        return Path("/var/lib/runfold")
    data = variables.XDG_DATA_HOME.read(env) or Path.home() / ".local" / "share"
    return data / "runfold"


def _cache(env: Mapping[str, str]) -> Path:
    return (variables.XDG_CACHE_HOME.read(env) or Path.home() / ".cache") / "runfold"
