"""How far partitions were read, and by whom: what a process adds, it adds as their owner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from runfold.infra.database.connection import DURABLE, Session, transaction
from runfold.processors.delivery.errors import Fenced
from runfold.processors.delivery.rows import Notice, Pending, Wanted
from runfold.producers.log.tail import Place

_TIMEOUT = "statement_timeout = 30000"


def take_over(session: Session, ends: Mapping[Place, int], owner: str) -> dict[Place, int]:
    """Make a process the owner of places and return their next offsets.

    A place that was never read begins at its end of now (``ends``), as does one whose log was
    replaced by a shorter one: what was before is of no subscription.
    """
    places = sorted(ends)
    with transaction(session, _TIMEOUT):
        session.execute(DURABLE)
        rows = session.execute(
            "INSERT INTO delivery_positions AS p (topic, partition, next_offset, owner)"
            " SELECT t, n, o, %s FROM unnest(%s::text[], %s::int[], %s::bigint[]) AS u(t, n, o)"
            " ORDER BY t, n ON CONFLICT (topic, partition) DO UPDATE"
            " SET owner = excluded.owner, next_offset = least(p.next_offset, excluded.next_offset)"
            " RETURNING p.topic, p.partition, p.next_offset",
            (
                owner,
                [topic for topic, _ in places],
                [number for _, number in places],
                [ends[place] for place in places],
            ),
        ).fetchall()
    return {(topic, number): offset for topic, number, offset in rows}


def move(
    session: Session,
    moved: Mapping[Place, int],
    owner: str,
    wanted: Sequence[Wanted] = (),
    notices: Sequence[Notice] = (),
) -> list[Pending]:
    """Move positions, and add what the records before them call for; return what was not there.

    Raises Fenced where another process owns one of the places, and psycopg.Error; then nothing was
    moved or added.
    """
    with transaction(session, _TIMEOUT):
        session.execute(DURABLE)
        _lock(session, moved, owner)
        added = _add(session, wanted) if wanted else []
        if notices:
            _add_notices(session, notices)
        session.execute(
            "UPDATE delivery_positions AS p SET next_offset = u.o"
            " FROM unnest(%s::text[], %s::int[], %s::bigint[]) AS u(t, n, o)"
            " WHERE p.topic = u.t AND p.partition = u.n AND p.next_offset < u.o",
            (
                [topic for topic, _ in moved],
                [number for _, number in moved],
                list(moved.values()),
            ),
        )
    return added


def add_again(
    session: Session, topic: str, wanted: Sequence[Wanted], replay: int
) -> tuple[int, set[str]]:
    """Add events for a replay, from beside the owner.

    Return how many were not there, and the runs of which something waited for another attempt: it
    is due now, since what is added waits until it is sent. The owners of their partitions find
    both within a second.
    """
    by_partition: dict[int, list[Wanted]] = {}
    for each in wanted:
        by_partition.setdefault(each.partition, []).append(each)
    count, hastened = 0, set[str]()
    for partition, those in sorted(by_partition.items()):
        with transaction(session, _TIMEOUT):
            session.execute(DURABLE)
            # Numbers of a partition are to be committed in their order.
            session.execute(
                "SELECT 1 FROM delivery_positions WHERE topic = %s AND partition = %s FOR UPDATE",
                (topic, partition),
            )
            added = _add(session, those, replay)
            count += len(added)
            hastened |= _hasten(session, added)
            session.execute(
                "UPDATE delivery_positions SET added = greatest(added, %s)"
                " WHERE topic = %s AND partition = %s",
                (max((each.number for each in added), default=0), topic, partition),
            )
    return count, hastened


def tell(session: Session, notices: Sequence[Notice]) -> None:
    """Add notices that no record calls for."""
    if notices:
        with transaction(session, _TIMEOUT):
            session.execute(DURABLE)
            _add_notices(session, notices)


def added_by_others(session: Session, topic: str, partitions: Iterable[int], owner: str) -> int:
    """Return the highest number that somebody else than the owner has added to partitions.

    Raises Fenced where somebody else owns one of them.
    """
    with transaction(session, _TIMEOUT):
        rows = session.execute(
            "SELECT owner, added FROM delivery_positions WHERE topic = %s AND partition = ANY(%s)",
            (topic, list(partitions)),
        ).fetchall()
    _need_own({name for name, _ in rows}, owner)
    return max((added for _, added in rows), default=0)


def _lock(session: Session, moved: Mapping[Place, int], owner: str) -> None:
    places = sorted(moved)
    rows = session.execute(
        "SELECT p.owner FROM delivery_positions AS p"
        " JOIN unnest(%s::text[], %s::int[]) AS u(t, n) ON p.topic = u.t AND p.partition = u.n"
        " ORDER BY p.topic, p.partition FOR UPDATE OF p",
        ([topic for topic, _ in places], [number for _, number in places]),
    ).fetchall()
    _need_own({name for (name,) in rows}, owner)
    if len(rows) != len(places):
        raise Fenced("positions of this process are gone from the table")


def _need_own(owners: set[str], owner: str) -> None:
    if others := sorted(owners - {owner}):
        raise Fenced(f"{', '.join(others)} reads partitions of this process now")


_COLUMNS = (
    "scope, subscription, run_id, seq, tenant_id, partition, journal_offset, type, status,"
    " occurred_at"
)


def _add(session: Session, wanted: Sequence[Wanted], replay: int = 0) -> list[Pending]:
    rows = session.execute(
        f"INSERT INTO deliveries ({_COLUMNS}, replay)"  # noqa: S608 - our own names
        " SELECT u.*, %s FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[],"
        " %s::int[], %s::bigint[], %s::text[], %s::text[], %s::timestamptz[]) AS u"
        " ON CONFLICT DO NOTHING RETURNING number, scope, subscription, run_id, seq".encode(),
        (replay, *map(list, zip(*wanted, strict=True))),
    ).fetchall()
    numbers = {tuple(rest): number for number, *rest in rows}
    found = [
        Pending(number, *each, replay)
        for each in wanted
        if (number := numbers.get(each[:4])) is not None
    ]
    return sorted(found, key=lambda each: each.number)


def _hasten(session: Session, added: Sequence[Pending]) -> set[str]:
    """Have tried now what waits of the same runs, for the same subscriptions."""
    rows = session.execute(
        "UPDATE deliveries AS d SET due_at = now() FROM (SELECT DISTINCT * FROM unnest(%s::text[],"
        " %s::text[], %s::text[]) AS u(s, n, r)) AS u WHERE d.scope = u.s AND d.subscription = u.n"
        " AND d.run_id = u.r AND d.state = 'open' AND d.due_at > now() RETURNING d.run_id",
        (
            [each.scope for each in added],
            [each.subscription for each in added],
            [each.run_id for each in added],
        ),
    ).fetchall()
    return {run_id for (run_id,) in rows}


def _add_notices(session: Session, notices: Sequence[Notice]) -> None:
    session.execute(
        "INSERT INTO notifications (scope, subscriber, event_id, tenant_id, run_id, about, said,"
        " partition, occurred_at, due_at)"
        " SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[],"
        " %s::text[], %s::text[], %s::int[], %s::timestamptz[], %s::timestamptz[])"
        " ON CONFLICT DO NOTHING",
        tuple(map(list, zip(*notices, strict=True))),
    )
