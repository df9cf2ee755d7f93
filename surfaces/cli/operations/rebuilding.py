"""``rebuild VIEW``: a view folded again, or compared with a new fold."""

from __future__ import annotations

from dataclasses import asdict

from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.rebuild import compare, rebuild
from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.context import Context, kafka_of


def show_rebuild(context: Context, view: str, *, json: bool) -> int:
    """Rebuild a view and print the rows of its tables; raises UnknownView."""
    reader = ReaderConfig(kafka_of(context))
    done = rebuild(view, context.attached.database_url, reader, context.codec)
    if json:
        output.as_json(asdict(done))
        return exits.OK
    said = f"{done.changed} rows were put right" if done.changed else "every row was right"
    output.console().print(f"{done.view} was folded again from offset 0; {said}.")
    output.table(("table", "rows"), list(done.rows.items()), "")
    return exits.OK


def show_comparison(context: Context, view: str, *, json: bool) -> int:
    """Print how a view differs from a new fold, and return whether it does not."""
    reader = ReaderConfig(kafka_of(context))
    found = compare(view, context.attached.database_url, reader, context.codec)
    if json:
        output.as_json({**asdict(found), "rows": found.rows})
    elif found.rows == 0:
        output.console().print(f"{view} equals the fold of the journal, row by row.", style="green")
    else:
        output.console().print(
            f"{view} differs: {found.only_live} rows only in the live view, "
            f"{found.only_rebuilt} only in the new fold.",
            style="bold red",
        )
        for example in found.examples:
            output.console().print(f"  {example}", markup=False)
    return exits.NO if found.rows else exits.OK
