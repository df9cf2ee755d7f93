"""What an error of Postgres means for whoever waits for an answer: one sentence, by its SQLSTATE.

A sentence says what Postgres said, its SQLSTATE, and what helps. What is about a row that is
written is judged by ``refusals``: that row is set aside.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto

import psycopg

from runfold.infra.database.errors import DatabaseAwayError, DatabaseUnfitError


class Help(Enum):
    """What helps: a matter of the caller, of the operator, or of time."""

    WAIT = auto()
    TRY_AGAIN = auto()
    CHANGE_SETTINGS = auto()
    MEND_TABLES = auto()
    MEND_DISK = auto()
    ASK_OTHERWISE = auto()


@dataclass(frozen=True, slots=True)
class Meaning:
    """What helps against an error, and the sentence that says so."""

    help: Help
    sentence: str


_FIRST = "Postgres does not answer, or lets nobody in ({said}): start it, or check DATABASE_URL."

# The first that fits counts.
_BY_STATE: tuple[tuple[tuple[str, ...], Help, str], ...] = (
    (
        ("08", "57P"),
        Help.WAIT,
        "Postgres ended the connection ({said}): see whether it runs, and try again.",
    ),
    (
        ("28",),
        Help.CHANGE_SETTINGS,
        (
            "Postgres does not let this user in ({said}): check the user and the password in "
            "DATABASE_URL, and pg_hba.conf."
        ),
    ),
    (
        ("3D",),
        Help.CHANGE_SETTINGS,
        "The database is not there ({said}): make it, or name another in DATABASE_URL.",
    ),
    (
        ("42501", "2B"),
        Help.CHANGE_SETTINGS,
        (
            "The user in DATABASE_URL lacks a right ({said}): make the user a member of one of "
            "Runfold's roles (docs/tables.md)."
        ),
    ),
    (
        ("3F", "42P01", "42703", "42704", "42883"),
        Help.MEND_TABLES,
        (
            "The views do not exist yet, or somebody has changed them ({said}): start the "
            "projector (`runfold up` does) and try again."
        ),
    ),
    (
        ("25006",),
        Help.WAIT,
        "Postgres takes no writes ({said}): it is a standby, or its host has set it read-only.",
    ),
    (
        ("53100",),
        Help.MEND_DISK,
        "The disk of Postgres is full ({said}): make room, and try again.",
    ),
    (
        ("53",),
        Help.WAIT,
        "Postgres lacks memory or connections ({said}): try again, or raise what it may use.",
    ),
    (
        ("58", "F0", "XX001", "XX002"),
        Help.MEND_DISK,
        "Postgres cannot use its own files ({said}): see its log, and restore what is damaged.",
    ),
    (
        ("40", "55", "57014", "25P"),
        Help.TRY_AGAIN,
        "Postgres gave way to others, or was told to stop ({said}): try again.",
    ),
    (
        ("22", "54"),
        Help.ASK_OTHERWISE,
        "Postgres cannot take what was asked ({said}): check what was given.",
    ),
)

_ELSE = (
    "Postgres refuses a statement of Runfold's ({said}): somebody has changed the tables or put "
    "something over them, or this is a bug; `runfold doctor` looks further."
)


def meaning_of(error: BaseException) -> Meaning:
    """Return what an error of psycopg, also one that SQLAlchemy passes on, means."""
    origin = getattr(error, "orig", None) or error
    state = getattr(origin, "sqlstate", None)
    said = _said(origin, state)
    if state is None:
        return _without_state(origin, said)
    for states, helps, sentence in _BY_STATE:
        if state.startswith(states):
            return Meaning(helps, sentence.format(said=said))
    return Meaning(Help.MEND_TABLES, _ELSE.format(said=said))


def fault_of(error: BaseException) -> DatabaseUnfitError | DatabaseAwayError:
    """Return what ends a process that cannot begin without the database."""
    meaning = meaning_of(error)
    unfit = meaning.help is Help.CHANGE_SETTINGS
    return (DatabaseUnfitError if unfit else DatabaseAwayError)(meaning.sentence)


@contextmanager
def said_by_the_database() -> Iterator[None]:
    """Raise what Postgres says within the block as DatabaseUnfitError or DatabaseAwayError."""
    try:
        yield
    except Exception as error:
        if not isinstance(getattr(error, "orig", error), psycopg.Error):
            raise
        raise fault_of(error) from error


def _without_state(error: BaseException, said: str) -> Meaning:
    """Return what an error means that the server has no part in."""
    if isinstance(error, psycopg.DataError):
        return Meaning(Help.ASK_OTHERWISE, f"What was asked cannot be sent to Postgres ({said}).")
    if isinstance(error, psycopg.ProgrammingError | psycopg.NotSupportedError):
        return Meaning(Help.MEND_TABLES, _ELSE.format(said=said))
    return Meaning(Help.WAIT, _FIRST.format(said=said))


def _said(error: BaseException, state: str | None) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    first = next((line for line in lines if "FATAL" in line), lines[0] if lines else "")
    return ", ".join(filter(None, (first or type(error).__name__, state and f"SQLSTATE {state}")))
