"""The log port: what a program needs of a log, whichever log it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from runfold.events.base import Record
from runfold.events.errors import WireError
from runfold.events.run import Event
from runfold.events.tenant import TenantEvent

Headers = Sequence[tuple[str, bytes]]

Start = Literal["earliest", "latest"] | datetime | Mapping[int, int]
"""Where reading begins: an end, the first record appended at or after a moment, or offsets."""

Until = Callable[[], bool]
"""Asked again and again, at least ten times a second; true ends the reading."""


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """Where a record is.

    ``appended_at`` is known to whoever published it, where the broker stamps the topic's records.
    """

    topic: str
    partition: int
    offset: int
    appended_at: datetime | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One record as it was read: its bytes, and either what they say or why they say nothing."""

    place: RecordPlace
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    appended_at: datetime
    record: Record | Event | TenantEvent | None = None
    error: WireError | None = None


Only = Callable[[Delivery], bool]
"""Asked of each record before it is decoded; where it says no, the record is passed over."""


class LogWriter(Protocol):
    """Puts records onto the log."""

    def publish(self, topic: str, record: Record, key: str, headers: Headers = ()) -> RecordPlace:
        """Return the place of a record once it is durable; ``headers`` go with the usual ones.

        Raises RefusedError, UnavailableError or FatalError; after UnavailableError it may or
        may not have been written, and publishing it again is safe because ids repeat.
        """
        ...

    def publish_all(
        self, topic: str, records: Sequence[tuple[Record, str]], headers: Headers = ()
    ) -> list[RecordPlace]:
        """Return the places of many records with their keys once all are durable.

        ``headers`` go with each, as ``publish`` has it.
        """
        ...

    def drop(self, topic: str, keys: Sequence[str]) -> None:
        """Have a compacted topic forget the records of these keys; raises as ``publish`` does."""
        ...


@runtime_checkable
class SoonWriter(Protocol):
    """A log writer of which nobody must hold a thread while it writes."""

    def publish_soon(
        self, topic: str, record: Record, key: str, headers: Headers = ()
    ) -> Future[RecordPlace]:
        """Return, in time, the place of a record once it is durable.

        Raises as ``LogWriter.publish`` does, at once or by the future.
        """
        ...


class LogReader(Protocol):
    """Reads committed records off the log."""

    def read(
        self,
        topic: str,
        start: Start = "earliest",
        *,
        key: str | None = None,
        follow: bool = False,
        until: Until | None = None,
        only: Only | None = None,
        ends: Mapping[int, int] | None = None,
    ) -> Iterator[Delivery]:
        """Yield a topic's records, in order within a partition.

        With ``key``, only that key's, from the one partition it lives on; with ``only``, those
        that it lets through. Ends at ``ends``, the next offset of each partition, or at what was
        the end of every partition when it began, however much comes meanwhile; with ``follow``,
        when ``until`` says so. Who compares two readings gives both the same ends.
        """
        ...

    def begins(self, topic: str) -> Mapping[int, int]:
        """Return the first offset that is kept of each partition; raises as ``ends`` does."""
        ...

    def ends(self, topic: str) -> Mapping[int, int]:
        """Return the offset of each partition after which nothing is committed yet.

        Reading from there on misses nothing that a reader to the end did not see. Raises
        RefusedError where there is no such topic, UnavailableError where the log does not answer.
        """
        ...
