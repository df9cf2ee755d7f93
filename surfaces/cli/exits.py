"""Exit codes of the command line: part of the public contract; docs/cli.md shows this table.

0 to 6 are a run's own exit codes [5]; from 64 on they follow sysexits.h.
"""

from __future__ import annotations

OK = 0
NO = 1
REFUSED_RUN = 2
LIMIT = 3
MODEL = 4
CANCELLED = 5
UNDECIDABLE = 6
USAGE = 64
BAD_INPUT = 65
NOT_FOUND = 66
UNAVAILABLE = 69
INTERNAL = 70
IO_ERROR = 74
TRY_AGAIN = 75
INTERRUPTED = 130

MEANINGS: dict[int, str] = {
    OK: "done; the run succeeded",
    NO: "no: the agent gave up, a control was ignored, an audit or check found a fault",
    REFUSED_RUN: "the run was refused, or its agent was withdrawn",
    LIMIT: "the run met one of its limits",
    MODEL: "the model could not be reached, or gave no usable answer",
    CANCELLED: "the run was cancelled",
    UNDECIDABLE: "a command of the run could not be decided: a fault of Runfold",
    USAGE: "the command line cannot be understood",
    BAD_INPUT: "what was given cannot be accepted: a manifest, a schema, a goal",
    NOT_FOUND: "there is no such run, call, file or view",
    UNAVAILABLE: "Kafka, Postgres or another server is not there",
    INTERNAL: "a bug in Runfold",
    IO_ERROR: "a file cannot be read or written, or the disk is full",
    TRY_AGAIN: "not yet: the run still lives, or the effect was not seen in time",
    INTERRUPTED: "interrupted by Ctrl-C",
}
"""What each exit code says."""


def table() -> str:
    """Return the exit codes as lines for ``--help``."""
    return "\n\n".join(f"{code:>3}  {meaning}" for code, meaning in MEANINGS.items())
