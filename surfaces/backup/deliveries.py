"""What becomes of webhooks and notifications in a restored deployment.

Positions, deliveries and their attempts come back as they were, and sending goes on from there:
what was open is sent, by the ids that it had, also where a receiver got it after the back-up. What
the tables say of events that the restored journal does not have is left out: other events may come
to stand there. A notification that was open may have been sent since, so it is in doubt, and is not
sent again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from runfold.events.topics import EVENTS
from runfold.infra.database.connection import Session
from runfold.infra.database.roles import DELIVERY_TABLES
from runfold.producers.log.tail import Place
from runfold.surfaces.backup.manifest import NO_DELIVERIES, Manifest

TABLES: Final = tuple(name for name in DELIVERY_TABLES if not name.startswith("push_"))
"""Those that a back-up holds: browsers of persons are in none, they are asked again."""

_NUMBERED = ("deliveries", "notifications")
_DOUBT = "restored from a back-up: nobody knows whether it was sent after it"


class Restored(NamedTuple):
    """How many deliveries are sent now, and how many notifications are in doubt."""

    open: int
    doubtful: int


def settle(session: Session, ends: Mapping[Place, int], began_at: datetime) -> Restored:
    """Make the loaded rows fit journals that end there; in the caller's transaction."""
    topics, numbers, offsets = _columns(ends)
    session.execute(
        "DELETE FROM deliveries AS d USING unnest(%s::text[], %s::int[], %s::bigint[])"
        " AS u(t, n, o) WHERE u.t = %s AND d.partition = u.n AND d.journal_offset >= u.o",
        (topics, numbers, offsets, EVENTS),
    )
    session.execute(
        "DELETE FROM delivery_attempts AS a WHERE NOT EXISTS"
        " (SELECT FROM deliveries AS d WHERE d.number = a.number)"
    )
    # Of other topics the offsets are others now.
    session.execute(
        "DELETE FROM delivery_positions WHERE (topic, partition) NOT IN"
        " (SELECT t, n FROM unnest(%s::text[], %s::int[]) AS u(t, n))",
        (topics, numbers),
    )
    session.execute(
        "UPDATE delivery_positions AS p SET next_offset = least(p.next_offset, u.o)"
        " FROM unnest(%s::text[], %s::int[], %s::bigint[]) AS u(t, n, o)"
        " WHERE p.topic = u.t AND p.partition = u.n",
        (topics, numbers, offsets),
    )
    session.execute("DELETE FROM notifications WHERE occurred_at >= %s", (began_at,))
    doubtful = session.execute(
        "UPDATE notifications SET state = 'unknown', done_at = now(), error = %s"
        " WHERE state IN ('open', 'sending')",
        (_DOUBT,),
    ).rowcount
    for table in _NUMBERED:
        session.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'number'), max(number))"  # noqa: S608 - our own names
            f" FROM {table} HAVING max(number) IS NOT NULL".encode()
        )
    row = session.execute("SELECT count(*) FROM deliveries WHERE state = 'open'").fetchone()
    return Restored(row[0] if row is not None else 0, doubtful)


def told(found: Restored | None, said: Manifest) -> Iterator[str]:
    """Yield what an operator is to know, in sentences."""
    if found is None:
        if said.format <= NO_DELIVERIES:
            yield (
                "webhooks: a back-up of an earlier release holds nothing of what was sent, and "
                "sending begins at the end of the journal: `runfold webhooks replay NAME --from "
                f"{said.began_at:%Y-%m-%dT%H:%MZ}`, or from earlier, sends what may be missing"
            )
        return
    if found.open:
        yield (
            f"webhooks: {found.open:,} deliveries are open and are sent, by the ids that they had: "
            "receivers may have got some of them after the back-up"
        )
    if found.doubtful:
        yield (
            f"notifications: {found.doubtful:,} were open, and nobody knows whether they were sent "
            "after the back-up: `runfold notifications --state unknown` lists them"
        )


def _columns(ends: Mapping[Place, int]) -> tuple[list[str], list[int], list[int]]:
    places = sorted(ends)
    return (
        [topic for topic, _ in places],
        [number for _, number in places],
        [ends[place] for place in places],
    )
