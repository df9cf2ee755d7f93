"""How far each view is, and who may move it: the fence of the projector.

A projector takes its partitions by raising their epoch. Every later transaction moves the
positions only where the epoch is still its own, and moves them first: so the rows of a projector
that was overtaken never land, and one that takes over waits for what is in flight.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from psycopg import Connection, Cursor

from runfold.events import topics
from runfold.projections.errors import Fenced
from runfold.projections.view import View


class Place(NamedTuple):
    """A partition that a view is made from."""

    view: str
    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Held:
    """The next offset of a place, the epoch it is held under, and the id of the topic it is of.

    The id is empty where nobody noted it.
    """

    next_offset: int
    epoch: int
    topic_id: str = ""


def places(views: Iterable[View], partitions: Iterable[int]) -> list[Place]:
    """Return every place of these views, in the order in which they are always locked.

    Topics of one partition belong to whoever has the first of the others.
    """
    return sorted(
        Place(view.name, topic, partition)
        for view in views
        for topic in view.topics
        for partition in partitions
        if partition == 0 or topic not in topics.WHOLE
    )


def take(connection: Connection, wanted: list[Place], owner: str) -> dict[Place, Held]:
    """Raise the epoch of these places and return how far they are; fences whoever held them."""
    return _ask(
        connection,
        "INSERT INTO projection_positions (view, topic, topic_partition, epoch, owner)"
        " SELECT view, topic, topic_partition, 1, %s FROM json_to_recordset(%s::json)"
        " AS w(view text, topic text, topic_partition bigint)"
        " ORDER BY view, topic, topic_partition"
        " ON CONFLICT (view, topic, topic_partition) DO UPDATE"
        " SET epoch = projection_positions.epoch + 1, owner = excluded.owner"
        " RETURNING view, topic, topic_partition, next_offset, epoch, topic_id",
        (owner, _listed(wanted)),
    )


def look(connection: Connection, wanted: list[Place]) -> dict[Place, Held]:
    """Return how far these places are, without taking them."""
    return _ask(connection, _LOOK, (_listed(wanted),))


def lock(connection: Connection, wanted: list[Place]) -> dict[Place, Held]:
    """Return how far these places are, and hold them there until the transaction ends."""
    return _ask(
        connection,
        f"{_LOOK} ORDER BY p.view, p.topic, p.topic_partition FOR UPDATE OF p",
        (_listed(wanted),),
    )


def advance(cursor: Cursor, moves: dict[Place, Held]) -> None:
    """Move places to new offsets under their epochs; raises Fenced if one is held no longer."""
    cursor.execute(
        "UPDATE projection_positions AS p SET next_offset = n.next_offset"
        " FROM json_to_recordset(%s::json) AS n(view text, topic text, topic_partition bigint,"
        " next_offset bigint, epoch bigint)"
        " WHERE p.view = n.view AND p.topic = n.topic"
        " AND p.topic_partition = n.topic_partition AND p.epoch = n.epoch",
        (
            json.dumps(
                [
                    {**_named(place), "next_offset": held.next_offset, "epoch": held.epoch}
                    for place, held in moves.items()
                ]
            ),
        ),
    )
    if cursor.rowcount != len(moves):
        raise Fenced(
            "Another projector has taken over some of these partitions, so this one stops. "
            "If that was not meant, give each projector partitions of its own "
            "(RUNFOLD_PROJECTOR_PARTITIONS)."
        )


def name(connection: Connection, held: dict[Place, Held]) -> None:
    """Note of which topics positions are, where they are still held under their epochs."""
    connection.execute(
        "UPDATE projection_positions AS p SET topic_id = n.topic_id"
        " FROM json_to_recordset(%s::json) AS n(view text, topic text, topic_partition bigint,"
        " topic_id text, epoch bigint)"
        " WHERE p.view = n.view AND p.topic = n.topic"
        " AND p.topic_partition = n.topic_partition AND p.epoch = n.epoch",
        (
            json.dumps(
                [
                    {**_named(place), "topic_id": each.topic_id, "epoch": each.epoch}
                    for place, each in held.items()
                ]
            ),
        ),
    )


def put(connection: Connection, place: Place, offset: int) -> None:
    """Move a place to an offset of whatever topic is there now."""
    connection.execute(
        "UPDATE projection_positions SET next_offset = %s, topic_id = ''"
        " WHERE view = %s AND topic = %s AND topic_partition = %s",
        (offset, *place),
    )


_LOOK = (
    "SELECT p.view, p.topic, p.topic_partition, p.next_offset, p.epoch, p.topic_id"
    " FROM projection_positions AS p JOIN json_to_recordset(%s::json)"
    " AS w(view text, topic text, topic_partition bigint)"
    " ON p.view = w.view AND p.topic = w.topic AND p.topic_partition = w.topic_partition"
)


def _ask(connection: Connection, query: str, values: tuple[str, ...]) -> dict[Place, Held]:
    rows = connection.execute(query.encode(), values).fetchall()
    return {
        Place(view, topic, partition): Held(next_offset, epoch, topic_id)
        for view, topic, partition, next_offset, epoch, topic_id in rows
    }


def _listed(wanted: list[Place]) -> str:
    return json.dumps([_named(place) for place in wanted])


def _named(place: Place) -> dict[str, str | int]:
    return {"view": place.view, "topic": place.topic, "topic_partition": place.partition}
