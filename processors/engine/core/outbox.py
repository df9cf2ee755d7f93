"""Messages to other aggregates: which ones a fact makes, how they are numbered, who knows a repeat.

A fact alone determines the messages that go out with it, so that they can be derived from the
journal again. A lane numbers them 1, 2, 3 … for each partition that it writes to, in the order of
its journal. Whoever receives them keeps the last number taken of each sending partition, and needs
no more than that to recognise a repeat: the senders are as many as the partitions.

What Kafka can do to a stream of messages from one partition to another, and what follows:
- a sender that lost its place sends again from an earlier one: what was taken already is a repeat
- a sender that was fenced still writes what it had decided: repeats too, however late
- a message does not arrive, later ones do, and their sender begins again: what comes too early is
  left, for it comes again after the missing one. ``floor`` says that it does: it is the first
  number that may still be sent
- a message is gone for good (retention, a cut log): the floor has passed it, and it is reported
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Generic, NamedTuple

from runfold.events.avro.headers import headers
from runfold.events.base import Record
from runfold.processors.engine.aggregate import Env, S, Send
from runfold.processors.engine.core.messages import Message
from runfold.processors.engine.ports import Codec
from runfold.processors.engine.spec import AggregateSpec

HEADER = "runfold_outbox"
"""The header that tells a receiver whose message this is, and which."""

PartitionOf = Callable[[str, bytes], int]
"""Says in which partition of a topic a key belongs."""

Place = tuple[str, int]
"""A topic and the number of a partition."""


class Outgoing(NamedTuple):
    """A message before it has its number; ``id`` is ``key/seq/index`` of the event it follows."""

    send: Send
    id: str
    time: datetime
    traceparent: str


class Origin(NamedTuple):
    """Where a message comes from: a partition of a journal, and its number among those to here.

    ``floor`` is the first number that the sender may still send.
    """

    journal: str
    partition: int
    number: int
    floor: int

    @property
    def sender(self) -> Place:
        """The partition that numbers its messages."""
        return self.journal, self.partition

    def header(self) -> tuple[str, bytes]:
        """Return the header that says so."""
        return HEADER, "/".join(map(str, self)).encode()


def origin_of(headers: Iterable[tuple[str, bytes | None]]) -> Origin | None:
    """Return where an input comes from, None where no aggregate sent it; raises ValueError."""
    for name, value in headers:
        if name == HEADER:
            journal, *numbers = (value or b"").decode().split("/")
            partition, number, floor = map(int, numbers)
            return Origin(journal, partition, number, floor)
    return None


class Arrival(Enum):
    """What a message is to its receiver."""

    NEXT = auto()
    REPEAT = auto()
    EARLY = auto()


def arrival(origin: Origin, last: int) -> tuple[Arrival, range]:
    """Return what a message is where ``last`` was taken, and the numbers that are lost for good."""
    if origin.number <= last:
        return Arrival.REPEAT, range(0)
    lost = range(last + 1, min(origin.floor, origin.number))
    if origin.number == last + 1 + len(lost):
        return Arrival.NEXT, lost
    return Arrival.EARLY, lost


class Outbox(Generic[S]):
    """Addresses and numbers what one lane sends.

    With ``resends`` a message may be written again after a crash, since it is not in one
    transaction with its event.
    """

    def __init__(
        self,
        spec: AggregateSpec[S],
        codec: Codec,
        partition: int,
        partition_of: PartitionOf,
        *,
        resends: bool,
    ) -> None:
        self._spec = spec
        self._codec = codec
        self._partition = partition
        self._partition_of = partition_of
        self._resends = resends

    def number(
        self, outgoing: Iterable[Outgoing], sent: dict[Place, int], before: Mapping[Place, int]
    ) -> Iterator[Message]:
        """Yield messages with the numbers after ``sent``, which moves on.

        ``before`` are the last numbers that are known to be where they belong.
        """
        for out in outgoing:
            place = out.send.topic, self._partition_of(out.send.topic, out.send.key.encode())
            number = sent[place] = sent.get(place, 0) + 1
            floor = before.get(place, 0) + 1 if self._resends else number
            yield self._message(out, place, number, floor)

    def again(self, outgoing: Sequence[Outgoing], sent: Mapping[Place, int]) -> Iterator[Message]:
        """Yield the last messages of all that were ``sent``, with the numbers that they had."""
        places = [
            (out.send.topic, self._partition_of(out.send.topic, out.send.key.encode()))
            for out in outgoing
        ]
        before = {place: sent.get(place, 0) - count for place, count in Counter(places).items()}
        return self.number(outgoing, before.copy(), before)

    def strays(self, body: object, name: str, env: Env) -> Iterator[Message]:
        """Yield what others are told of an input whose aggregate is not live.

        It follows no event, and so has no number.
        """
        sends = self._spec.strays(body, env.definitions) if isinstance(body, Record) else ()
        for send in sends:
            said, source = send.record, self._spec.source
            named = headers(type(said).__name__, name, source, env.now, send.key, "")
            value = self._codec.encode(send.topic, said)
            place = self._partition_of(send.topic, send.key.encode())
            yield Message(send.topic, send.key, value, named, place)

    def _message(self, out: Outgoing, place: Place, number: int, floor: int) -> Message:
        topic, partition = place
        record = out.send.record
        origin = Origin(self._spec.topics.journal, self._partition, number, floor)
        named = headers(
            type(record).__name__,
            out.id,
            self._spec.source,
            out.time,
            out.send.key,
            out.traceparent,
        )
        value = self._codec.encode(topic, record)
        return Message(topic, out.send.key, value, [*named, origin.header()], partition)


def outgoing(
    sends: Sequence[Send], event_id: str, time: datetime, traceparent: str
) -> Iterator[Outgoing]:
    """Yield what one event sends."""
    for index, send in enumerate(sends):
        yield Outgoing(send, f"{event_id}/{index}", time, traceparent)
