"""Getting through to the brokers: to the address that was given, and to those they advertise."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    BrokerMetadata,
    ConfigResource,
    ResourceType,
)

from runfold.infra.kafka.clients import Admin
from runfold.infra.kafka.door import refusal
from runfold.infra.kafka.errors import KafkaAwayError, KafkaUnfitError, UnreachableError
from runfold.infra.kafka.hearing import Complaint, Hearing, client_of

_ANSWER_S = 5.0
_SLICE_S = 0.5
_ENOUGH = 3
_NO_ANSWER = frozenset(
    {
        KafkaError._TRANSPORT,  # noqa: SLF001 - librdkafka's own codes have no other name
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._TIMED_OUT_QUEUE,  # noqa: SLF001
    }
)


@dataclass(frozen=True, slots=True)
class Entered:
    """A client that got through, and the settings of each broker, {} where they are not shown.

    ``unreached`` says which brokers it did not get through to, one sentence each.
    """

    admin: Admin
    settings: Mapping[int, Mapping[str, str | None]]
    unreached: tuple[str, ...] = ()


def enter(kafka: Mapping[str, object]) -> Entered:
    """Return a client that has reached the brokers; blocks for ten seconds at most.

    Raises KafkaAwayError where nobody answers, UnreachableError where brokers name addresses of
    which none answers, and KafkaUnfitError where they refuse this client. One of several that does
    not answer may have died a moment ago.
    """
    hearing = Hearing()
    admin = client_of(kafka, hearing)
    brokers = _brokers(admin, hearing, kafka)
    asked = {broker.id: _ask(admin, broker.id) for broker in brokers.values()}
    until = time.monotonic() + _ANSWER_S
    settings: dict[int, Mapping[str, str | None]] = {}
    unreached: list[UnreachableError] = []
    for number, future in asked.items():
        try:
            settings[number] = _answer(future, brokers[number], kafka, hearing, admin, until)
        except UnreachableError as error:
            unreached.append(error)
    if unreached and not settings:
        raise unreached[0]
    return Entered(admin, settings, tuple(map(str, unreached)))


def _brokers(
    admin: Admin, hearing: Hearing, kafka: Mapping[str, object]
) -> dict[int, BrokerMetadata]:
    until = time.monotonic() + _ANSWER_S
    while True:
        try:
            return admin.list_topics(timeout=_SLICE_S).brokers
        except KafkaException as error:
            admin.poll(0)
            if said := refusal(hearing.complaints, kafka):
                raise KafkaUnfitError(said) from error
            if time.monotonic() >= until:
                raise KafkaAwayError(_away(kafka, hearing.complaints)) from error
            # A client whose every connection failed at once answers at once, too.
            time.sleep(0.05)


def _ask(admin: Admin, broker: int) -> Future[Any]:
    # Only the broker itself answers this question, so the client connects to what it advertises.
    wanted = [ConfigResource(ResourceType.BROKER, str(broker))]
    (future,) = admin.describe_configs(wanted, request_timeout=_ANSWER_S).values()
    return future


def _answer(
    future: Future[Any],
    broker: BrokerMetadata,
    kafka: Mapping[str, object],
    hearing: Hearing,
    admin: Admin,
    until: float,
) -> Mapping[str, str | None]:
    while not future.done():
        admin.poll(0)
        said = hearing.of(str(broker.id))
        if why := refusal(said, kafka):
            raise KafkaUnfitError(why)
        if time.monotonic() >= until or len(said) >= _ENOUGH:
            raise UnreachableError(_not_there(broker, kafka, said))
        time.sleep(0.01)
    try:
        return {name: entry.value for name, entry in future.result().items()}
    except KafkaException as error:
        if error.args[0].code() in _NO_ANSWER:
            raise UnreachableError(_not_there(broker, kafka, hearing.of(str(broker.id)))) from error
        # It answered, and does not show its settings to everybody.
        return {}


def _away(kafka: Mapping[str, object], said: list[Complaint]) -> str:
    why = said[-1].said if said else f"nothing is heard from it within {_ANSWER_S:.0f} s"
    return (
        f"Kafka at {kafka.get('bootstrap.servers')} does not answer ({why}): start it, or check "
        "KAFKA_BOOTSTRAP_SERVERS."
    )


def _not_there(broker: BrokerMetadata, kafka: Mapping[str, object], said: list[Complaint]) -> str:
    why = f" ({said[-1].said})" if said else ""
    return (
        f"Kafka answers at {kafka.get('bootstrap.servers')}, and sends its clients to "
        f"{broker.host}:{broker.port} for broker {broker.id}, where nobody answers{why}: correct "
        "advertised.listeners at that broker, or make that address reachable from here."
    )
