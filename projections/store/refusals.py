"""Which refusals of Postgres no retry can cure: the row must be set aside, and the views go on."""

from __future__ import annotations

import psycopg

from runfold.projections.errors import FoldError

_OF_THE_ROW = ("22", "23", "54", "0A")
"""Classes of SQLSTATE that are about what was sent: data, constraints, sizes, unsupported requests.

psycopg puts 54, "program limit exceeded", under OperationalError, with the servers that are away.
"""

_TOO_LARGE_TO_HOLD = "XX000"
"""What Postgres says of a value that it would need more than 1 GB for."""


def cannot_take(error: BaseException) -> bool:
    """Whether an error is about the row itself, and would be the same at every attempt."""
    if isinstance(error, FoldError):
        return True
    if not isinstance(error, psycopg.Error):
        return False
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.DataError)
    return state.startswith(_OF_THE_ROW) or state == _TOO_LARGE_TO_HOLD
