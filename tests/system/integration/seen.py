"""What became of single inputs: dead letters, and events of one run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from runfold.events import topics
from runfold.events.base import Fact
from runfold.events.records.operations import DeadLetter
from runfold.events.run import Event
from tests.system import oracle
from tests.system.crash.agent import CODEC
from tests.system.crash.product import Product

F = TypeVar("F", bound=Fact)


def dead_letters(running: Product) -> dict[oracle.Place, list[DeadLetter]]:
    """Every dead letter, by the place of what it was."""
    found: dict[oracle.Place, list[DeadLetter]] = {}
    for raw in oracle.read_topic(running.settings, topics.DEAD_LETTERS):
        letter = CODEC.decode(topics.DEAD_LETTERS, raw.value)
        assert isinstance(letter, DeadLetter)
        place = oracle.Place(letter.topic, letter.partition, letter.offset)
        found.setdefault(place, []).append(letter)
    return found


def the_letter(
    running: Product, publish: Callable[[set[oracle.Place]], None]
) -> tuple[oracle.Place, DeadLetter]:
    """Publish one unusable record and return its place and its only dead letter."""
    places: set[oracle.Place] = set()
    publish(places)
    running.person.flush()
    (place,) = places
    running.wait_until(lambda: place in dead_letters(running), "the dead letter is there")
    (letter,) = dead_letters(running)[place]
    running.poison.add(place)
    return place, letter


def events_of(running: Product, run_id: str) -> list[Event]:
    """The events of a run so far."""
    decoded = (
        CODEC.decode(topics.EVENTS, raw.value)
        for raw in oracle.read_topic(running.settings, topics.EVENTS)
        if raw.key == run_id.encode()
    )
    return [event for event in decoded if isinstance(event, Event)]


def facts_of(running: Product, run_id: str, kind: type[F]) -> list[F]:
    """The facts of one kind of a run so far."""
    events = events_of(running, run_id)
    return [event.fact for event in events if isinstance(event.fact, kind)]
