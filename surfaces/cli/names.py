"""From what people type to whole ids."""

from __future__ import annotations

from runfold.surfaces.cli.context import Context


def run_id_of(context: Context, typed: str, tenant: str | None = None) -> str:
    """Return the one run whose id begins so; a whole id is taken as it is, without a look-up."""
    from runfold.surfaces.application.runs.reading import lists

    wanted = lists.plain_id(typed)
    if lists.is_whole(wanted):
        return wanted
    with context.views(tenant) as views:
        return lists.run_id_of(views, typed)


def call_id_of(context: Context, typed: str, tenant: str | None = None) -> tuple[str, str]:
    """Return the run and the whole id of a call typed as RUN.N."""
    from runfold.surfaces.application.runs.reading.lists import split_call_id

    run, number = split_call_id(typed)
    run_id = run_id_of(context, run, tenant)
    return run_id, f"{run_id}.{number}"
