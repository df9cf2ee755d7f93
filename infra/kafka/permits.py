"""Which of the rights that a process needs the brokers give to whoever asks here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection

from runfold.infra.kafka.clients import Admin
from runfold.infra.kafka.rights import Right

_SECONDS = 10.0
_DENIED = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)
# Groups are described by their coordinators, each in a request of its own.
_AT_ONCE = 20


def is_denial(error: KafkaException) -> bool:
    """Return whether the brokers refuse for want of a right."""
    return error.args[0].code() in _DENIED


def lacking(admin: Admin, rights: Iterable[Right]) -> Iterator[Right]:
    """Yield the rights on topics and groups that are not given; one that nobody can see passes.

    A topic that is not there yet is not judged. Rights on transactional ids cannot be asked for.
    """
    wanted = list(dict.fromkeys(rights))
    known: dict[str, dict[str, frozenset[str] | None]] = {
        "topic": _on_topics(admin, _names(wanted, "topic")),
        "group": _on_groups(admin, _names(wanted, "group")),
    }
    for right in wanted:
        given = known.get(right.kind, {}).get(right.name)
        if given is not None and right.operation not in given:
            yield right


def sentence(right: Right, principal: str, called: str) -> str:
    """Return which right is missing, who needs it, and how it is given."""
    what = right.kind.replace("-", " ")
    named = f"{what}s that begin with {right.name}" if right.prefixed else f"{what} {right.name}"
    return (
        f"{principal} may not {right.operation} the {named}, which {called} needs: "
        f"{right.command(principal)}, or take away the rule that denies it."
    )


def _names(rights: list[Right], kind: str) -> list[str]:
    return list(dict.fromkeys(right.name for right in rights if right.kind == kind))


def _on_topics(admin: Admin, names: list[str]) -> dict[str, frozenset[str] | None]:
    if not names:
        return {}
    asked = admin.describe_topics(
        TopicCollection(names), include_authorized_operations=True, request_timeout=_SECONDS
    )
    return _given(asked)


def _on_groups(admin: Admin, names: list[str]) -> dict[str, frozenset[str] | None]:
    found: dict[str, frozenset[str] | None] = {}
    for start in range(0, len(names), _AT_ONCE):
        asked = admin.describe_consumer_groups(
            names[start : start + _AT_ONCE],
            include_authorized_operations=True,
            request_timeout=_SECONDS,
        )
        found |= _given(asked)
    return found


def _given(asked: Mapping[str, Future[Any]]) -> dict[str, frozenset[str] | None]:
    """Return the operations that are allowed, by name; None where that is not known."""
    found: dict[str, frozenset[str] | None] = {}
    for name, future in asked.items():
        try:
            allowed = future.result().authorized_operations
        except KafkaException as error:
            found[name] = frozenset() if is_denial(error) else None
        else:
            # A cluster without an authorizer says nothing, or allows all.
            found[name] = None if allowed is None else frozenset(each.name for each in allowed)
    return found
