"""Replay: events of the journal for a subscription once more, from a moment or positions on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice

from runfold.events.definitions import Definitions, Subscription
from runfold.events.run import Event
from runfold.events.topics import EVENTS
from runfold.processors.delivery import positions
from runfold.processors.delivery.log import DeliveryLog
from runfold.processors.delivery.matching import Matcher, Target, matches, wanted_as
from runfold.processors.delivery.rows import Key, Wanted
from runfold.producers.log.port import LogReader, Start
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import InvalidError

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


def replay(
    reader: LogReader,
    known: Definitions,
    log: DeliveryLog,
    key: Key,
    made: Subscription,
    start: Start,
) -> shapes.WebhookReplay:
    """Add what a subscription gets of the journal from a start to the end of now.

    Events from before its publication are among it. They have the ids that they had: whoever
    handles each id once handles none again. Raises errors of the log and of psycopg.
    """
    tenant, ends = key.scope or None, None
    if isinstance(start, Mapping):
        # A partition that is not named has its end at its beginning.
        ends = {each: at for each, at in reader.ends(EVENTS).items() if each in start}
    target, matcher = Target(key, made, None), Matcher(known)
    number, count = log.replays(key) + 1, 0

    def wanted() -> Iterator[Wanted]:
        for each in reader.read(EVENTS, start, ends=ends):
            event = each.record
            if not isinstance(event, Event) or tenant not in {None, event.meta.tenant_id}:
                continue
            # A tenant's own subscription may stand in the place of the shared one.
            its = tenant or any(t.key == key for t in matcher.subscriptions(event.meta.tenant_id))
            if its and matches(target, event):
                yield wanted_as(key, event, each.place.partition, each.place.offset)

    with log.session() as session:
        for part in _parts(wanted()):
            count += positions.add_again(session, EVENTS, part, number)
    return shapes.WebhookReplay(name=key.name, replay=number, events=count)


def _parts(found: Iterable[Wanted]) -> Iterator[list[Wanted]]:
    those = iter(found)
    while part := list(islice(those, _AT_ONCE)):
        yield part
