"""What every Kafka client of a process begins with."""

from __future__ import annotations

from collections.abc import Mapping

# KAFKA_HEAP_OPTS and its like belong to other programs.
CLIENT_SETTINGS = ("security", "sasl", "ssl", "enable.ssl", "client", "socket", "broker.address")
"""The beginnings of librdkafka's settings that ``KAFKA_*`` may carry."""


def option_of(name: str) -> str | None:
    """Return the librdkafka setting that a variable carries, None if it carries none."""
    option = name.removeprefix("KAFKA_").lower().replace("_", ".")
    carries = name.startswith("KAFKA_") and option.startswith(CLIENT_SETTINGS)
    return option if carries else None


def client_options(env: Mapping[str, str]) -> dict[str, str]:
    """Return the settings for every client: security, sockets, names."""
    return {
        option: value
        for name, value in env.items()
        if value and (option := option_of(name)) is not None
    }
