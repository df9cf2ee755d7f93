"""Publishing definitions: once per version, and never other content under a version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from runfold.events import topics
from runfold.events.base import Record
from runfold.events.definitions import Definition, Definitions
from runfold.processors.definitions.record import announce, find, key, kind_of


class DefinitionWriter(Protocol):
    """Puts a record on a topic and returns when it is there."""

    def publish(self, topic: str, record: Record, key: str) -> object:
        """Publish; raises an error of the log port when it is not known to be there."""
        ...


class CompleteDefinitions(Protocol):
    """Knows everything that is published at the time of asking."""

    def complete(self, timeout: float) -> Definitions:
        """Return them; raises DefinitionStoreUnavailableError after ``timeout`` seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Refusal:
    """A definition that cannot be published, and one sentence that says what to do."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """What became of each definition, by key; where one is refused, the new ones are held back."""

    published: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    held: tuple[str, ...] = ()


def publish(
    definitions: Sequence[Definition],
    *,
    log: DefinitionWriter,
    store: CompleteDefinitions,
    by: str,
    now: datetime,
    timeout: float = 15.0,
) -> Report:
    """Publish what is new, in the given order, unless a version is taken by other content.

    Two publishers at once cannot both win: the first record holds, the other is told.
    """
    before = store.complete(timeout)
    known = [(each, find(before, each)) for each in definitions]
    new = [each for each, held in known if held is None]
    unchanged = tuple(key(d) for d, held in known if held and held.digest() == d.digest())
    refused = tuple(
        refusal(each, held) for each, held in known if held and held.digest() != each.digest()
    )
    if refused:
        return Report((), unchanged, refused, tuple(key(each) for each in new))
    for each in new:
        log.publish(topics.REGISTRY, announce(each, by, now), key(each))
    lost = _settle(new, log=log, held=store.complete(timeout), by=by, now=now)
    taken = {each.key for each in lost}
    won = tuple(key(each) for each in new if key(each) not in taken)
    return Report(won, unchanged, tuple(lost), ())


def _settle(
    new: Sequence[Definition], *, log: DefinitionWriter, held: Definitions, by: str, now: datetime
) -> list[Refusal]:
    """Give way where another publisher was first."""
    lost: list[Refusal] = []
    for each in new:
        first = find(held, each)
        if first is not None and first.digest() != each.digest():
            # Compaction keeps the last record of a key: it must be the one that holds.
            log.publish(topics.REGISTRY, announce(first, by, now), key(first))
            lost.append(refusal(each, first))
    return lost


def refusal(offered: Definition, held: Definition) -> Refusal:
    """Return why a version that is taken by other content cannot be published again."""
    ours, theirs = offered.model_dump(mode="json"), held.model_dump(mode="json")
    differing = ", ".join(name for name in ours if ours[name] != theirs[name])
    return Refusal(
        key(offered),
        f"{kind_of(offered)} {offered.name} {offered.version} is published already with other "
        f"content ({differing} differ), and a version never changes: set metadata.version to "
        f"{next_version(offered.version)} or another one that is free.",
    )


def next_version(version: str) -> str:
    """Return the version with its last number raised by one."""
    head, dot, last = version.rpartition(".")
    return f"{head}{dot}{int(last) + 1}" if last.isdecimal() else f"{version}.1"
