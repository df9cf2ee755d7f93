"""``reads``: who read what, on the screen."""

from __future__ import annotations

from datetime import datetime

from runfold.infra.database import reads
from runfold.infra.database.errors import ReadsError
from runfold.surfaces.application.errors import NotFoundError
from runfold.surfaces.application.shapes import ReadOnRecord
from runfold.surfaces.cli import output
from runfold.surfaces.cli.context import Context
from runfold.surfaces.words import shortened

_WORDS = 80


def show_reads(
    context: Context,
    tenant: str | None,
    person: str | None,
    since: datetime | None,
    limit: int,
    *,
    json: bool,
) -> None:
    """Print the reads that are on record, the newest first."""
    url = context.attached.database_url
    try:
        rows = reads.listed(url, tenant=tenant, person=person, since=since, limit=limit)
    except ReadsError as error:
        raise NotFoundError(str(error)) from error
    found = [ReadOnRecord(**row) for row in rows]
    if json:
        output.as_json(found)
        return
    shown = [
        (
            each.at,
            f"{each.os_user}@{each.host}",
            each.claimed or each.login,
            each.tenant or "all",
            output.short(each.run_id) or None,
            each.purpose or None,
            shortened(each.what, _WORDS),
        )
        for each in found
    ]
    columns = ("at", "by", "as", "tenant", "run", "purpose", "what")
    output.table(columns, shown, "No such read is on record.")
