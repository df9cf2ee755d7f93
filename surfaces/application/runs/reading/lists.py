"""Lists of runs, and runs by what people type: the beginning of an id, with or without a prefix."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TypedDict, Unpack

from runfold.events.values import RunStatus
from runfold.projections import queries
from runfold.projections.queries import RunFilter, Views
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import AmbiguousError, InvalidError, NotFoundError

_WHOLE = 36
_PART = re.compile(r"[0-9a-f-]{4,36}")


class RunOptions(TypedDict, total=False):
    """Which runs to list; what is missing or None does not matter."""

    status: str | None
    agent: str | None
    user_id: str | None
    thread_id: str | None
    parent_run_id: str | None
    request_id: str | None
    created_from: datetime | None
    created_before: datetime | None
    after: tuple[datetime, str] | None


def list_runs(
    views: Views, limit: int = 50, **which: Unpack[RunOptions]
) -> list[shapes.RunSummary]:
    """Return runs, the newest first; raises InvalidError for an unknown status."""
    status = which.get("status")
    if status is not None and status not in set(RunStatus):
        known = ", ".join(sorted(set(RunStatus) - {RunStatus.UNKNOWN}))
        raise InvalidError(f"There is no status {status!r}; there are {known}.")
    names = shapes.RunSummary.model_fields.keys() - {"shape"}
    return [
        shapes.RunSummary(**{name: row[name] for name in names})
        for row in queries.list_runs(views, RunFilter(**which), limit, names)
    ]


def run_id_of(views: Views, typed: str) -> str:
    """Return the one run whose id begins so; raises NotFoundError or AmbiguousError.

    ``run_`` before it does not matter. A run that is not seen is not there.
    """
    wanted = plain_id(typed)
    found = queries.ids_beginning_with(views, wanted) if _PART.fullmatch(wanted) else []
    if len(found) > 1:
        some = ", ".join(found)
        raise AmbiguousError(f"Several runs begin with {typed}: {some}. Type more.")
    if not found:
        raise NotFoundError(
            f"No run in the views begins with {typed}: see `runfold runs`, or give the whole id."
        )
    return found[0]


def plain_id(typed: str) -> str:
    """Return what was typed for a run, without a prefix; raises NotFoundError for no id."""
    wanted = typed.strip().lower().removeprefix("run_")
    if len(wanted) != _WHOLE and not _PART.fullmatch(wanted):
        raise NotFoundError(f"{typed!r} is not the beginning of a run's id.")
    return wanted


def is_whole(run_id: str) -> bool:
    """Return whether an id is whole, so that nobody needs to look it up."""
    return len(run_id) == _WHOLE


def split_call_id(typed: str) -> tuple[str, int]:
    """Return the run, as it was typed, and the number of a call typed as RUN.N.

    ``tool_call_`` before it does not matter. Raises NotFoundError for what is not a call's id.
    """
    run, dot, number = typed.strip().removeprefix("tool_call_").rpartition(".")
    if not dot or not number.isdecimal():
        raise NotFoundError(
            f"{typed!r} is not a call's id: it is RUN.N, as `runfold approvals` shows it."
        )
    return run, int(number)
