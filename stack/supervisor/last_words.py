"""What the log of a process says of its end: lines of that life, and only those about it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

_TELLING = ("Error", "error:", "refused", "the process ends:")
_FATAL = ("Traceback (most recent call last)", "Fatal Python error")
_LEVELS = frozenset({"ERROR", "CRITICAL"})
_READ_BYTES = 4_000
_LONGEST = 300

AT_THE_END_S = 5.0
"""How many seconds before a death an error may be logged and still be taken for its cause."""


def why_it_ended(log: Path, since: int) -> str:
    """Return the line from byte ``since`` on that tells most of an exit, or nothing."""
    lines = _lines(log, since)
    telling = [line for line in lines if _tells(line)]
    plain = [line for line in lines[-1:] if _record(line) is None]
    return _message((telling or plain or [""])[-1])


def why_it_was_killed(log: Path, since: int, now: float | None = None) -> str:
    """Return what a process that a signal ended said of it: a traceback, or an error just before.

    Whoever kills it from outside leaves no line, and an older error is not the cause.
    """
    lines, now = _lines(log, since), time.time() if now is None else now
    after: list[str] = []
    for line in reversed(lines):
        if _record(line) is not None:
            break
        after.insert(0, line)
    if any(line.startswith(_FATAL) for line in after):
        fatal = next((line for line in after if line.startswith(_FATAL[1])), after[-1])
        return fatal.strip()[:_LONGEST]
    found = [each for line in lines if (each := _record(line)) and _is_at_the_end(each, now)]
    return str(found[-1].get("message", ""))[:_LONGEST] if found else ""


def _tells(line: str) -> bool:
    record = _record(line)
    if record is None:
        return any(word in line for word in _TELLING)
    return record.get("level") in _LEVELS


def _is_at_the_end(record: dict[str, Any], now: float) -> bool:
    try:
        at = datetime.fromisoformat(str(record.get("time")))
    except ValueError:
        return False
    return record.get("level") in _LEVELS and now - at.timestamp() <= AT_THE_END_S


def _lines(log: Path, since: int) -> Sequence[str]:
    try:
        with log.open("rb") as file:
            size = log.stat().st_size
            # What was put aside for being too long has begun anew.
            file.seek(max(since if since <= size else 0, size - _READ_BYTES))
            read = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ()
    return [line for line in read.splitlines() if line.strip()]


def _record(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        # The line that the reading began in the middle of, too.
        return {} if line.rstrip().endswith('"}') else None
    return found if isinstance(found, dict) else None


def _message(line: str) -> str:
    record = _record(line)
    return (str(record.get("message", "")) if record else line.strip())[:_LONGEST]
