"""What one line of a log says: its time, its level, and its message without the numbers."""

from __future__ import annotations

import re
from calendar import month_abbr
from datetime import datetime

LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
PROBLEMS = frozenset({"WARN", "ERROR", "FATAL"})
ERRORS = frozenset({"ERROR", "FATAL"})

_SAME = {
    "NOTICE": "INFO",
    "WARNING": "WARN",
    "ERR": "ERROR",
    "SEVERE": "ERROR",
    "CRITICAL": "FATAL",
    "CRIT": "FATAL",
    "PANIC": "FATAL",
    "EMERG": "FATAL",
    "ALERT": "FATAL",
}
_WORDS = "|".join((*LEVELS, *_SAME))
_LEVEL = re.compile(rf"\b({_WORDS})\b")
# In small letters only where a log's form says that it is a level.
_MARKED = re.compile(
    rf"\blevel\"?[=:]\s*\"?({_WORDS})\b|\[({_WORDS})\]|^({_WORDS}):", re.IGNORECASE
)
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)")
_APACHE = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d)")
_MONTHS = {name: number for number, name in enumerate(month_abbr) if name}
_VARYING = re.compile(r"0x[0-9a-fA-F]+|\b[0-9a-fA-F]{8,}(?:-[0-9a-fA-F]{4,})*\b|\d+(?:[.:,]\d+)*")
_LEADING = re.compile(r"^[\s\[\]#TZ:,.+\-/|]*")


def level_of(line: str) -> str | None:
    """Return the level that a line names near its beginning, in the words of ``LEVELS``."""
    head = line[:160]
    found = _LEVEL.search(head)
    word = found.group(1) if found else None
    if word is None and (marked := _MARKED.search(head)):
        word = next(group for group in marked.groups() if group).upper()
    return _SAME.get(word, word) if word else None


def time_of(line: str) -> str | None:
    """Return a line's time as ``YYYY-MM-DDTHH:MM:SS``, in whatever zone the log is written."""
    head = line[:80]
    if found := _ISO.search(head):
        return f"{found.group(1)}T{found.group(2)}"
    if (found := _APACHE.search(head)) and found.group(2) in _MONTHS:
        day, month, year, clock = found.groups()
        return f"{year}-{_MONTHS[month]:02}-{day}T{clock}"
    return None


def template_of(line: str) -> str:
    """Return the line with ``#`` for everything that varies, so that like lines count together."""
    return _LEADING.sub("", _VARYING.sub("#", line[:400]))[:160]


def seconds_between(first: str, second: str) -> float:
    """Return the seconds from one time to another; infinite if one of them is no date."""
    try:
        return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()
    except ValueError:
        return float("inf")
