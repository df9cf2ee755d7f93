"""Histories of runs: kept in a file, and decided again by the code of today.

A history in a test says when a change of code or of a definition changes what runs do: the
decisions are made again from the journal alone, and must be what was recorded.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.contents.content import canonical_json
from runfold.events.definitions import Definition, Definitions
from runfold.events.run import GENESIS, Event
from runfold.processors.definitions.record import kind_of
from runfold.processors.run.replay import decisions

if TYPE_CHECKING:
    from runfold.testing.run import MemoryRun


@dataclass(frozen=True)
class History:
    """The definitions that a run was decided with, and its events as the journal has them."""

    definitions: Definitions
    values: tuple[bytes, ...]
    published: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, published: tuple[Definition, ...], values: tuple[bytes, ...]) -> History:
        """Return the history of a run with the definitions that were published, in their order."""
        return cls._of(tuple((kind_of(each), each.body()) for each in published), values)

    @classmethod
    def read(cls, file: Path | str) -> History:
        """Read a history from its file."""
        told = json.loads(Path(file).read_text(encoding="utf-8"))
        published = tuple(
            (each["kind"], canonical_json(each["body"])) for each in told["definitions"]
        )
        return cls._of(published, tuple(base64.b64decode(each) for each in told["values"]))

    @classmethod
    def _of(cls, published: tuple[tuple[str, str], ...], values: tuple[bytes, ...]) -> History:
        definitions = Definitions()
        for position, (kind, body) in enumerate(published, 1):
            definitions = definitions.plus(kind, body, position)
        return cls(definitions, values, published)

    def write(self, file: Path | str) -> None:
        """Write the history to a file, whose folder must exist."""
        told = {
            "definitions": [
                {"kind": kind, "body": json.loads(body)} for kind, body in self.published
            ],
            "values": [base64.b64encode(each).decode() for each in self.values],
        }
        Path(file).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")

    def events(self) -> list[Event]:
        """Return the events of the run."""
        codec = Codec(LockRegistry())
        decoded = [codec.decode(topics.EVENTS, value) for value in self.values]
        return [each for each in decoded if isinstance(each, Event)]

    def differences(self) -> Iterator[str]:
        """Yield every place where the record is broken, or is decided otherwise today."""
        previous = GENESIS
        events = self.events()
        for number, (value, event) in enumerate(zip(self.values, events, strict=True), 1):
            if event.meta.seq != number or event.meta.prev_hash != previous:
                yield f"event {event.meta.seq} does not follow from the one before it"
            previous = hashlib.sha256(value).digest()
        state = None
        for decision in decisions.decisions(events):
            found = decisions.redecide(state, decision, self.definitions)
            if found is not None:
                yield str(found)
            state = decisions.fold(state, decision)


def record_history(run: MemoryRun, file: Path | str) -> None:
    """Keep what happened in a run; commit the file, and check it with ``check_history``."""
    run.history().write(file)


def check_history(file: Path | str) -> None:
    """Assert that every decision of a recorded run is made again the same, and its chain whole."""
    found = list(History.read(file).differences())
    if found:
        lines = "\n".join(f"  {line}" for line in found)
        raise AssertionError(f"{file} is not decided as it was recorded:\n{lines}")
