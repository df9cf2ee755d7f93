"""Ownership by membership in a consumer group: scale-out and failover by themselves.

The member consumes nothing: it is assigned partitions and pauses them at once. (Assigning nothing
would be simpler, but crashes a returning zombie under the ``consumer`` protocol.) Where the brokers
allow only longer sessions, it asks for 6000 ms, which all allow unless configured otherwise.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from confluent_kafka import KafkaError

from runfold.infra.settings.declared.variables import MOST_DRAIN_S
from runfold.producers.errors import is_fatal
from runfold.producers.log.membership import Hooks, Member, Membership
from runfold.producers.log.ownership.port import Given, Taken

logger = logging.getLogger(__name__)

_REJOIN_SECONDS = 1.0
_ALLOWED_SESSION_MS = 6000
_SILENT_MS = (MOST_DRAIN_S + 300) * 1000
"""While its lanes drain, a member does not poll, and must stay one."""

_QUICK: dict[str, str | int | float | bool] = {
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 500,
    "log_level": 0,
}


class GroupOwnership:
    """Owns what the group's coordinator assigns to this member."""

    def __init__(
        self, kafka: Mapping[str, str | int | float | bool], membership: Membership
    ) -> None:
        self._kafka, self._membership = kafka, membership
        self._session_ms = membership.session_timeout_ms
        self._assigned: set[int] = set()
        self._member: Member | None = None
        self._join_at = 0.0
        self._paused = threading.Event()
        self._given: Given
        self._taken: Taken

    def start(self, given: Given, taken: Taken) -> None:
        """Join the group."""
        self._given, self._taken = given, taken
        self._join()

    def poll(self, timeout: float) -> None:
        """Take part in the group; join it again where the coordinator shut this member out."""
        if self._member is None:
            self._paused.wait(timeout)
            if time.monotonic() >= self._join_at:
                self._join()
            return
        for error in self._member.take(1, timeout).faults:
            logger.warning("group membership: %s", error.str())
            if error.code() == KafkaError.INVALID_SESSION_TIMEOUT:
                self._session_ms = _ALLOWED_SESSION_MS
                self._leave()
            elif is_fatal(error):
                self._leave()
                self._join_at = time.monotonic() + _REJOIN_SECONDS

    def assigned(self) -> frozenset[int]:
        """Return what the coordinator assigned to this member."""
        return frozenset(self._assigned)

    def close(self) -> None:
        """Leave the group after giving everything up."""
        self._leave()

    def _join(self) -> None:
        self._member = Member(
            {**_QUICK, **self._kafka},
            replace(self._membership, session_timeout_ms=self._session_ms),
            Hooks(self._give, self._take, self._take),
            {"auto.offset.reset": "latest", "max.poll.interval.ms": _SILENT_MS},
            reads=False,
        )
        self._member.join()

    def _leave(self) -> None:
        """Close the membership; what closing did not take back is taken afterwards."""
        if self._member is not None:
            self._member.close()
            self._member = None
        self._take(sorted(self._assigned))

    def _give(self, partitions: Sequence[int]) -> None:
        self._assigned.update(partitions)
        logger.info("partitions assigned", extra={"partitions": list(partitions)})
        self._given(partitions)

    def _take(self, partitions: Sequence[int]) -> None:
        if partitions:
            self._assigned.difference_update(partitions)
            logger.info("partitions taken", extra={"partitions": list(partitions)})
            self._taken(partitions)
