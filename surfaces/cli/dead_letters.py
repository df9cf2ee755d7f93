"""``deadletters``: inputs that could not be used, read from their topic itself."""

from __future__ import annotations

import base64
from typing import Any

from runfold.events import topics
from runfold.events.operations import DeadLetter
from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.faults import CliError

_BYTES_SHOWN = 512


def list_letters(context: Context, limit: int, *, json: bool) -> None:
    """Print the newest dead letters, each with the number that ``--show`` takes."""
    numbered = _letters(context)[:limit]
    if json:
        output.as_json([_as_row(number, letter) for number, letter in numbered])
        return
    rows = [
        (number, letter.time, _place(letter), letter.code, letter.size, letter.reason)
        for number, letter in numbered
    ]
    columns = ("no", "time", "found at", "code", "bytes", "reason")
    output.table(columns, rows, "There are no dead letters.")


def show_letter(context: Context, number: int, *, json: bool) -> None:
    """Print one dead letter whole; raises CliError where there is none of that number."""
    letters = _letters(context)
    found = next((letter for no, letter in letters if no == number), None)
    if found is None:
        raise CliError(f"There is no dead letter {number} of {len(letters)}.", exits.NOT_FOUND)
    if json:
        value = base64.b64encode(found.value).decode() if found.value is not None else None
        output.as_json({**_as_row(number, found), "value_base64": value})
        return
    console = output.console()
    for name, value in _as_row(number, found).items():
        console.print(f"{name:<9} {output.cell(value)}", markup=False)
    for header in found.headers:
        console.print(f"header    {header.key}: {header.value!r}", markup=False)
    for line in _dump((found.value or b"")[:_BYTES_SHOWN]):
        console.print(f"  {line}", markup=False)
    if len(found.value or b"") > _BYTES_SHOWN:
        console.print(f"  … {found.size} bytes; all of them with --json")


def _letters(context: Context) -> list[tuple[int, DeadLetter]]:
    """Return all letters, the newest first; numbers count from the oldest and never change."""
    found = [
        each.record
        for each in context.reader.read(topics.DEAD_LETTERS)
        if isinstance(each.record, DeadLetter)
    ]
    found.sort(key=lambda letter: (letter.time, letter.topic, letter.partition, letter.offset))
    return [(number + 1, letter) for number, letter in enumerate(found)][::-1]


def _as_row(number: int, letter: DeadLetter) -> dict[str, Any]:
    return {
        "no": number,
        "time": letter.time,
        "place": _place(letter),
        "code": letter.code,
        "reason": letter.reason,
        "size": letter.size,
        "key": (letter.key or b"").decode("utf-8", "replace") or None,
    }


def _place(letter: DeadLetter) -> str:
    return f"{letter.topic}/{letter.partition}/{letter.offset}"


def _dump(data: bytes) -> list[str]:
    rows = [data[start : start + 16] for start in range(0, len(data), 16)]
    return [
        f"{16 * number:06x}  {row.hex(' '):<47}  "
        + "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        for number, row in enumerate(rows)
    ]
