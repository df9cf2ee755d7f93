"""Dead letters: inputs that could not be used, read from their topic itself. An operator's only."""

from __future__ import annotations

from runfold.events import topics
from runfold.events.operations import DeadLetter
from runfold.producers.log.port import LogReader
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import NotFoundError


def dead_letters(reader: LogReader) -> list[tuple[shapes.DeadLetter, DeadLetter]]:
    """Return all, the newest first, each with the record that holds its bytes and headers."""
    found = [
        each.record
        for each in reader.read(topics.DEAD_LETTERS)
        if isinstance(each.record, DeadLetter)
    ]
    found.sort(key=lambda letter: (letter.time, letter.topic, letter.partition, letter.offset))
    return [(_shown(no, letter), letter) for no, letter in enumerate(found, 1)][::-1]


def dead_letter(reader: LogReader, number: int) -> tuple[shapes.DeadLetter, DeadLetter]:
    """Return one dead letter by its number; raises NotFoundError."""
    found = dead_letters(reader)
    for shown, letter in found:
        if shown.no == number:
            return shown, letter
    raise NotFoundError(f"There is no dead letter {number} of {len(found)}.")


def burial_of(reader: LogReader, run_id: str) -> DeadLetter | None:
    """Return the dead letter of a run's request, None if there is none."""
    for _, letter in dead_letters(reader):
        if letter.key == run_id.encode():
            return letter
    return None


def _shown(number: int, letter: DeadLetter) -> shapes.DeadLetter:
    return shapes.DeadLetter(
        no=number,
        time=letter.time,
        place=f"{letter.topic}/{letter.partition}/{letter.offset}",
        code=letter.code,
        reason=letter.reason,
        size=letter.size,
        key=(letter.key or b"").decode("utf-8", "replace") or None,
    )
