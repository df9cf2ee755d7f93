"""Bounds that brokers set for everybody, held against what Runfold needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from confluent_kafka import KafkaError, KafkaException

from runfold.events.topics import MAX_RECORD_BYTES
from runfold.infra.deployment.naming import naming_of
from runfold.infra.kafka import clients
from runfold.infra.kafka.hearing import Hearing
from runfold.infra.kafka.permits import is_denial, sentence
from runfold.infra.kafka.rights import Program

TRANSACTION_MS = 10_000
"""The time-out of every transaction of Runfold."""

SESSION_MS = 6_000
"""The session time-out of pools, in the classic protocol of groups."""

_SECONDS = 10.0
_TRANSACTIONS = "transaction.max.timeout.ms"
_REQUESTS = "socket.request.max.bytes"
_SESSION_LEAST = "group.min.session.timeout.ms"
_SESSION_MOST = "group.max.session.timeout.ms"


def broken(settings: Mapping[str, str | None], program: Program | None = None) -> Iterator[str]:
    """Say which settings of a broker leave a program too little; those that are not known pass."""
    found = {name: int(value) for name, value in settings.items() if value and value.isdecimal()}
    if (
        program
        and program.transactions
        and found.get(_TRANSACTIONS, TRANSACTION_MS) < TRANSACTION_MS
    ):
        yield too_short(str(found[_TRANSACTIONS]))
    if found.get(_REQUESTS, MAX_RECORD_BYTES) < MAX_RECORD_BYTES:
        yield (
            f"The brokers take no request above {found[_REQUESTS]} bytes ({_REQUESTS}), and a "
            f"record of Runfold may have {MAX_RECORD_BYTES}: set {_REQUESTS} at the brokers to at "
            f"least {2 * MAX_RECORD_BYTES}."
        )
    least = found.get(_SESSION_LEAST, SESSION_MS)
    most = found.get(_SESSION_MOST, SESSION_MS)
    if program and program.sessions and not least <= SESSION_MS <= most:
        yield (
            f"The brokers allow sessions from {least} to {most} ms ({_SESSION_LEAST}, "
            f"{_SESSION_MOST}), and pools need {SESSION_MS}: set both at the brokers so that they "
            "include it, or RUNFOLD_GROUP_PROTOCOL to consumer."
        )


def too_short(limit: str) -> str:
    """Say that the brokers allow only shorter transactions."""
    held = f"{_TRANSACTIONS}={limit}" if limit else f"a smaller {_TRANSACTIONS}"
    return (
        f"The brokers have {held}, and a transaction of Runfold may take {TRANSACTION_MS} ms: set "
        f"{_TRANSACTIONS} at the brokers to at least {TRANSACTION_MS}."
    )


def transactions(kafka: Mapping[str, object], program: Program, principal: str) -> str:
    """Return what keeps a program's transactions from being made, "" where one could be begun.

    It is tried with an id that nobody works with, since trying one out takes it from its owner.
    """
    if not program.transactions:
        return ""
    hearing = Hearing()
    settings = {
        **kafka,
        "transactional.id": program.transactions,
        "transaction.timeout.ms": TRANSACTION_MS,
        "log_level": 0,
    }
    try:
        clients.producer(settings, hearing.logger).init_transactions(_SECONDS)
    except KafkaException as error:
        if is_denial(error):
            mine = [right for right in program.rights if right.kind == "transactional-id"]
            if not mine:
                return ""
            return sentence(mine[0].of(naming_of(kafka)), principal, program.called)
        if error.args[0].code() == KafkaError.INVALID_TRANSACTION_TIMEOUT:
            return too_short("")
        # Anything else may pass: others try it out at the same moment. A lane says what lasts.
    return ""
