"""What a Kafka client complains of while it tries to connect: its own words, taken apart.

librdkafka reports that a connection failed, and why, to its log only: to the caller, a wrong
password, a wrong port and a broker that is away look the same.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from runfold.infra.kafka import clients
from runfold.infra.kafka.errors import KafkaUnfitError

Kafka = dict[str, str | int | float | bool]

_LINE = re.compile(
    r"\]: (?:\w+://)?(?P<host>\S+):(?P<port>\d+)/(?P<node>bootstrap|\d+): (?P<said>.*?)"
    r"(?: \(after \d+ms in state (?P<state>\w+)[^)]*\).*)?$"
)
_QUICK: Kafka = {
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 300,
    "log_level": 6,
    "log.connection.close": True,
}
# These belong to producers, and other clients complain of them.
_OF_PRODUCERS = ("partitioner",)


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why a connection failed: to which address, of which node, and how far it had come.

    ``node`` is "" for the address that was given, the broker's id for one that it advertises.
    ``state`` is the client's name for the step, such as AUTH_REQ or APIVERSION_QUERY.
    """

    host: str
    port: int
    node: str
    said: str
    state: str = ""


class Hearing(logging.Handler):
    """Keeps what a client writes to its log."""

    def __init__(self) -> None:
        super().__init__()
        self.complaints: list[Complaint] = []
        self.logger = logging.Logger("runfold.preflight")  # noqa: LOG001 - seen by nobody else
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take one line apart."""
        if (found := complaint_in(record.getMessage())) is not None:
            self.complaints.append(found)

    def of(self, node: str) -> list[Complaint]:
        """Return what was said of one node, the address that was given where it is ""."""
        return [each for each in self.complaints if each.node == node]


def complaint_in(line: str) -> Complaint | None:
    """Return what a line of the client's log says of a connection, None for any other line."""
    found = _LINE.search(line)
    if found is None:
        return None
    node = "" if found["node"] == "bootstrap" else found["node"]
    return Complaint(found["host"], int(found["port"]), node, found["said"], found["state"] or "")


def client_of(kafka: Any, hearing: Hearing) -> clients.Admin:
    """Return a client that asks questions; raises KafkaUnfitError where its settings are wrong."""
    settings = {name: value for name, value in kafka.items() if name not in _OF_PRODUCERS}
    try:
        return clients.admin({**settings, **_QUICK}, hearing.logger)
    except KafkaException as error:
        raise KafkaUnfitError(_wrong_setting(error.args[0])) from error


def _wrong_setting(error: KafkaError) -> str:
    said = error.str().removeprefix("Failed to create admin client: ")
    return (
        f"A Kafka setting cannot be used ({said}): correct the KAFKA_… variable of that name; "
        "`runfold config` shows which are set."
    )
