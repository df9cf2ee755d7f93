"""Whether another monitor has joined: the members of a group share out the journal's partitions.

Nothing is read by the group. It tells the older of two monitors that there is a newer one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from runfold.events import topics
from runfold.producers.log.membership import Membership
from runfold.producers.log.ownership.group import GroupOwnership

GROUP = "runfold-monitor"
_SESSION_MS = 6000


class Company:
    """Calls ``joined`` once a part of the journal that was all this monitor's is another's.

    Of two the newer one stays, so a monitor that never had every partition waits for them. All
    calls from one thread.
    """

    def __init__(
        self, kafka: Mapping[str, str], partitions: int, joined: Callable[[], object]
    ) -> None:
        self._partitions = partitions
        self._joined = joined
        self._had_all = False
        membership = Membership(GROUP, topics.EVENTS, "classic", _SESSION_MS)
        self._ownership = GroupOwnership(kafka, membership)
        self._ownership.start(self._given, self._taken)

    def look(self) -> None:
        """Take part in the group."""
        self._ownership.poll(0)

    def close(self) -> None:
        """Leave the group."""
        self._had_all = False
        self._ownership.close()

    def _given(self, _partitions: Sequence[int]) -> None:
        if len(self._ownership.assigned()) >= self._partitions:
            self._had_all = True
        elif self._had_all:
            self._joined()

    def _taken(self, _partitions: Sequence[int]) -> None:
        # A broker that dies takes all of them, another monitor some.
        if self._had_all and self._ownership.assigned():
            self._joined()
