"""``deadletters``: inputs that could not be used, on the screen."""

from __future__ import annotations

import base64

from runfold.surfaces.application.operations.dead_letters import dead_letter, dead_letters
from runfold.surfaces.cli import output
from runfold.surfaces.cli.context import Context

_BYTES_SHOWN = 512
_NOT_LINES = {"shape", "headers", "value_base64"}


def list_dead_letters(context: Context, limit: int, *, json: bool) -> None:
    """Print the newest dead letters, each with the number that ``--show`` takes."""
    found = dead_letters(context.reader)[:limit]
    if json:
        output.as_json(found)
        return
    rows = [(each.no, each.time, each.place, each.code, each.size, each.reason) for each in found]
    columns = ("no", "time", "found at", "code", "bytes", "reason")
    output.table(columns, rows, "There are no dead letters.")


def show_dead_letter(context: Context, number: int, *, json: bool) -> None:
    """Print one dead letter whole; raises NotFoundError where there is none of that number."""
    found = dead_letter(context.reader, number)
    if json:
        output.as_json(found)
        return
    console = output.console()
    for name, held in found:
        if name not in _NOT_LINES:
            console.print(f"{name:<9} {output.cell(held)}", markup=False)
    for header in found.headers:
        console.print(f"header    {header.key}: {header.value!r}", markup=False)
    value = base64.b64decode(found.value_base64 or "")
    for line in _dump(value[:_BYTES_SHOWN]):
        console.print(f"  {line}", markup=False)
    if len(value) > _BYTES_SHOWN:
        console.print(f"  … {found.size} bytes; all of them with --json")


def _dump(data: bytes) -> list[str]:
    rows = [data[start : start + 16] for start in range(0, len(data), 16)]
    return [
        f"{16 * number:06x}  {row.hex(' '):<47}  "
        + "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        for number, row in enumerate(rows)
    ]
