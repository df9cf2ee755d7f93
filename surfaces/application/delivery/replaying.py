"""Replay: events of the journal for a subscription once more, from a moment or positions on."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from runfold.events.definitions import Definitions, Subscription
from runfold.events.run import Event
from runfold.events.topics import EVENTS
from runfold.infra.settings.declared.delivery import WEBHOOK_REPLAYED
from runfold.processors.delivery import positions
from runfold.processors.delivery.log import DeliveryLog
from runfold.processors.delivery.matching import Matcher, Target, matches, wanted_as
from runfold.processors.delivery.rows import Key, Wanted
from runfold.producers.log.port import Delivery, LogReader, RecordPlace, Start
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import InvalidError, ReplaysOpenError

_AT_ONCE = 500


def start_of(text: str) -> Start:
    """Read where a replay begins: a moment, positions such as ``0:120,3:77``, or ``earliest``.

    A partition that is not named among positions is not read. Raises InvalidError.
    """
    if text == "earliest":
        return "earliest"
    if ":" in text and "-" not in text:
        try:
            pairs = (part.split(":") for part in text.replace(",", " ").split())
            return {_number(p, 2**31): _number(offset, 2**63) for p, offset in pairs}
        except ValueError:
            raise InvalidError(f"{text[:80]!r} names no positions, such as 0:120,3:77.") from None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidError(
            f"{text[:80]!r} is no moment such as 2026-11-30T12:00Z, and no position such as 0:120."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(text: str, below: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) < below):
        raise ValueError(text)
    return int(text)


@dataclass(slots=True)
class _Room:
    """How many events may still be added; ``left`` is where each partition goes on after that."""

    most: int
    left: dict[int, int] = field(default_factory=dict)

    def takes(self, place: RecordPlace) -> bool:
        """Whether an event is added: none is after the first of its partition that is left."""
        if self.most > 0:
            self.most -= 1
            return True
        self.left[place.partition] = place.offset
        return False

    def rest(self) -> str | None:
        """Return from where to go on, None where nothing is left."""
        return ",".join(f"{number}:{at}" for number, at in sorted(self.left.items())) or None


def replay(
    reader: LogReader,
    known: Definitions,
    log: DeliveryLog,
    key: Key,
    made: Subscription,
    start: Start,
    most: int | None = None,
) -> shapes.WebhookReplay:
    """Add what a subscription gets of the journal from a start to the end of now.

    Events from before its publication are among it. They have the ids that they had: whoever
    handles each id once handles none again. ``most`` is how many a tenant may have open of all its
    replays, the setting unless given; what is more is left, and ``next`` says from where. Raises
    ReplaysOpenError where there is no room at all, and errors of the log and of psycopg.
    """
    room, ends = _room(log, key, most), dict(reader.ends(EVENTS))
    if isinstance(start, Mapping):
        # A partition that is not named has its end at its beginning.
        ends = {each: at for each, at in ends.items() if each in start}
    number, count, hastened = log.replays(key) + 1, 0, set[str]()
    found = _wanted(reader.read(EVENTS, start, ends=ends), known, Target(key, made, None))
    with log.session() as session, closing(_within(found, room, len(ends))) as those:
        for part in _parts(those):
            added, runs = positions.add_again(session, EVENTS, part, number)
            count, hastened = count + added, hastened | runs
    return shapes.WebhookReplay(
        name=key.name, replay=number, events=count, tried_first=len(hastened), next=room.rest()
    )


def _room(log: DeliveryLog, key: Key, most: int | None) -> _Room:
    most = WEBHOOK_REPLAYED.read() if most is None else most
    held = log.replayed(key.scope, most)
    if held >= most:
        raise ReplaysOpenError(
            f"{held} deliveries of replays are open already, which is the most at once "
            f"({WEBHOOK_REPLAYED.name}): wait until they are sent (`runfold webhooks show "
            f"{key.name}` counts them), or switch the subscription off and on, which drops them."
        )
    return _Room(most - held)


def _wanted(
    read: Iterator[Delivery], known: Definitions, target: Target[Subscription]
) -> Iterator[tuple[RecordPlace, Wanted]]:
    matcher, key = Matcher(known), target.key
    tenant = key.scope or None
    for each in read:
        event = each.record
        if not isinstance(event, Event) or tenant not in {None, event.meta.tenant_id}:
            continue
        # A tenant's own subscription may stand in the place of the shared one.
        its = tenant or any(t.key == key for t in matcher.subscriptions(event.meta.tenant_id))
        if its and matches(target, event):
            yield each.place, wanted_as(key, event, each.place.partition, each.place.offset)


def _within(
    found: Iterator[tuple[RecordPlace, Wanted]], room: _Room, partitions: int
) -> Generator[Wanted]:
    for place, each in found:
        if place.partition not in room.left and room.takes(place):
            yield each
        if len(room.left) == partitions:
            return


def _parts(found: Iterable[Wanted]) -> Iterator[list[Wanted]]:
    those = iter(found)
    while part := list(islice(those, _AT_ONCE)):
        yield part
