"""From what people type to whole ids."""

from __future__ import annotations

import re

from runfold.surfaces.cli import exits
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.faults import CliError

_WHOLE = 36
_PART = re.compile(r"[0-9a-f-]{4,36}")


def run_id_of(context: Context, typed: str) -> str:
    """Return the one run whose id begins so; a whole id is taken as it is, without a look-up."""
    wanted = typed.strip().lower()
    if len(wanted) == _WHOLE:
        return wanted
    if not _PART.fullmatch(wanted):
        raise CliError(f"{typed!r} is not the beginning of a run's id.", exits.NOT_FOUND)
    found = _beginning_with(context, wanted)
    if len(found) == 1:
        return found[0]
    if found:
        some = ", ".join(found)
        raise CliError(f"Several runs begin with {typed}: {some}. Type more.", exits.NOT_FOUND)
    raise CliError(
        f"No run in the views begins with {typed}: see `runfold runs`, or give the whole id.",
        exits.NOT_FOUND,
    )


def call_id_of(context: Context, typed: str) -> tuple[str, str]:
    """Return the run and the whole id of a call typed as RUN.N."""
    run, dot, number = typed.rpartition(".")
    if not dot or not number.isdecimal():
        raise CliError(
            f"{typed!r} is no call's id: it is RUN.N, as `runfold approvals` shows it.",
            exits.NOT_FOUND,
        )
    run_id = run_id_of(context, run)
    return run_id, f"{run_id}.{int(number)}"


def _beginning_with(context: Context, prefix: str) -> list[str]:
    from sqlalchemy import select

    from runfold.projections.tables import runs

    query = select(runs.c.run_id).where(runs.c.run_id.startswith(prefix)).limit(3)
    with context.engine.connect() as connection:
        return list(connection.execute(query).scalars())
