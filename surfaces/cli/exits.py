"""Exit codes of the command line, as its commands name them: part of the public contract."""

from __future__ import annotations

from runfold.infra.process.exit_codes import MEANINGS, CommandExit

OK = CommandExit.OK
NO = CommandExit.NO
REFUSED_RUN = CommandExit.REFUSED_RUN
LIMIT = CommandExit.LIMIT
MODEL = CommandExit.MODEL
CANCELLED = CommandExit.CANCELLED
UNDECIDABLE = CommandExit.UNDECIDABLE
USAGE = CommandExit.USAGE
BAD_INPUT = CommandExit.BAD_INPUT
NOT_FOUND = CommandExit.NOT_FOUND
UNAVAILABLE = CommandExit.UNAVAILABLE
INTERNAL = CommandExit.INTERNAL
IO_ERROR = CommandExit.IO_ERROR
TRY_AGAIN = CommandExit.TRY_AGAIN
INTERRUPTED = CommandExit.INTERRUPTED


def table() -> str:
    """Return the exit codes as lines for ``--help``."""
    return "\n\n".join(f"{code:>3}  {meaning}" for code, meaning in MEANINGS.items())
