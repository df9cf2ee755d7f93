"""files.read: a range of lines of a text file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from runfold.processors.tool.builtin.confine import file_beneath, root_of
from runfold.processors.tool.builtin.contracts import PATH, contract, number
from runfold.processors.tool.context import ToolContext
from runfold.processors.tool.errors import ToolRefusedError

_MOST_BYTES = 200_000

CONTRACT = contract(
    "files.read",
    "Read a range of lines of a text file. Give start_line and end_line (both count from 1 and "
    "are included), or a byte offset to begin at. The answer says where to read on.",
    {
        "path": PATH,
        "start_line": number("First line to read", 1, 10**9, 1),
        "end_line": number("Last line to read; to the end if left out", 1, 10**9, None),
        "offset": number("Byte to begin at instead of a line", 0, 10**13, None),
        "max_bytes": number("Stop after this many bytes", 1, _MOST_BYTES, 32_000),
    },
)


def run(arguments: Mapping[str, Any], context: ToolContext) -> dict[str, Any]:
    """Return the text and the range it covers; lines that do not fit wait for the next call."""
    path, limit = arguments["path"], int(arguments.get("max_bytes", 32_000))
    with file_beneath(root_of(context), path) as handle, open(handle, "rb", closefd=False) as file:
        size = os.fstat(handle).st_size
        if b"\0" in file.read(4096):
            raise ToolRefusedError(f"{path} is no text file.", error_type="invalid_arguments")
        offset = arguments.get("offset")
        if offset is not None:
            file.seek(int(offset))
            data = file.read(limit)
            at = {"offset": offset, "next_offset": offset + len(data)}
            return _answer(path, size, data, offset + len(data) < size) | at
        file.seek(0)
        first, last = int(arguments.get("start_line", 1)), arguments.get("end_line")
        for _skipped in range(first - 1):
            if not file.readline(10**7):
                break
        lines: list[bytes] = []
        room, more = limit, False
        while room > 0 and (last is None or first + len(lines) <= last):
            # One more byte than there is room for tells a whole line from a cut one.
            line = file.readline(room + 1)
            if not line:
                break
            more = len(line) > room
            if more and lines:
                break
            lines.append(line[:room])
            room -= len(line)
        after = first + len(lines)
        more = more or (file.tell() < size and (last is None or after <= last))
        at = {"start_line": first, "end_line": after - 1, "next_line": after}
        return _answer(path, size, b"".join(lines), more) | at


def _answer(path: str, size: int, data: bytes, more: bool) -> dict[str, Any]:
    return {
        "path": path,
        "text": data.decode(errors="replace"),
        "bytes": len(data),
        "file_bytes": size,
        "truncated": more,
    }
