"""What an examination finds: how bad it is, what it is, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a finding is to be taken; the names are printed."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one thing; ``todo`` says what to do where anything is to be done."""

    check: str
    level: Level
    what: str
    todo: str = ""


def ok(check: str, what: str) -> Finding:
    """Return a finding that nothing is wrong."""
    return Finding(check, Level.OK, what)


def note(check: str, what: str, todo: str = "") -> Finding:
    """Return a finding that is not a judgement: what could not be checked, or is useful to know."""
    return Finding(check, Level.NOTE, what, todo)


def warning(check: str, what: str, todo: str) -> Finding:
    """Return what is not wrong yet."""
    return Finding(check, Level.WARNING, what, todo)


def wrong(check: str, what: str, todo: str) -> Finding:
    """Return what is wrong."""
    return Finding(check, Level.WRONG, what, todo)


def span(seconds: float) -> str:
    """Return a length of time as people say it."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
