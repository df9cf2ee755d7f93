"""Who takes part in the consumer groups of a deployment: processes that run now.

Lanes that own fixed partitions are in no group; the pools and the monitor beside them are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from confluent_kafka import ConsumerGroupState, KafkaException

from runfold.infra.deployment.identity import StillRunningError
from runfold.infra.kafka.hearing import Hearing, client_of
from runfold.infra.kafka.named.admin import Admin
from runfold.infra.kafka.rights import GROUPS

WAIT_S = 60.0
"""How long members are waited for that died without a word: their sessions last some seconds."""

_ANSWER_S = 10.0
_PAUSE_S = 0.5
_NOBODY = frozenset({ConsumerGroupState.EMPTY, ConsumerGroupState.DEAD})


def need_nobody(
    kafka: Mapping[str, object], tell: Callable[[str], None], wait_s: float = WAIT_S
) -> None:
    """Raise StillRunningError where processes of a deployment still use these topics.

    Groups that we may not see are passed over; raises KafkaException where nothing can be asked.
    """
    admin, until, told = client_of(kafka, Hearing()), time.monotonic() + wait_s, False
    while members := _members(admin):
        if time.monotonic() >= until:
            groups = ", ".join(f"{count} in {group}" for group, count in sorted(members.items()))
            raise StillRunningError(
                f"Processes use the topics of this Kafka ({groups}) and would go on with the "
                "database that they were started with: stop every one of them, then try again."
            )
        if not told:
            tell(f"waiting for processes to leave: {', '.join(sorted(members))}")
            told = True
        time.sleep(_PAUSE_S)


def _members(admin: Admin) -> dict[str, int]:
    """Return how many members each group of ours has that has any."""
    names = [
        name
        for name, state in admin.groups(_ANSWER_S).items()
        if name.startswith(GROUPS) and state not in _NOBODY
    ]
    found: dict[str, int] = {}
    asked = admin.describe_consumer_groups(names, request_timeout=_ANSWER_S) if names else {}
    for name, future in asked.items():
        try:
            count = len(future.result().members)
        except KafkaException:
            # It is gone by now, or we may not see it.
            continue
        if count:
            found[name] = count
    return found
