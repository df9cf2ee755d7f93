"""Which refusals of Postgres are about what was sent, so that no retry can cure them."""

from __future__ import annotations

import psycopg

_OF_THE_ROW = (
    *("22", "23", "54", "0A"),
    # What triggers and conditions say that people have put over the tables.
    *("09", "20", "21", "27", "2F", "38", "39", "44", "P0"),
)
"""Classes of SQLSTATE that are about what was sent: data, constraints, sizes, unsupported requests.

psycopg puts 54, "program limit exceeded", under OperationalError, with the servers that are away.
"""

_TOO_LARGE_TO_HOLD = "XX000"
"""What Postgres says of a value that it would need more than 1 GB for."""


def of_the_row(error: BaseException) -> bool:
    """Whether an error is about the row itself, and would be the same at every attempt."""
    if not isinstance(error, psycopg.Error):
        return False
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.DataError)
    return state.startswith(_OF_THE_ROW) or state == _TOO_LARGE_TO_HOLD
