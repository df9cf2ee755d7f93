"""``rebuild VIEW``: a view folded again, or compared with a new fold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.rebuild import Difference, compare, rebuild
from runfold.projections.views import VIEWS
from runfold.surfaces.application.rendering import to_json
from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.context import Context, kafka_of
from runfold.surfaces.words import shortened

_LONGEST = 300


def show_rebuild(context: Context, view: str | None, *, json: bool) -> int:
    """Rebuild a view, or every view, and print the rows of its tables; raises UnknownView."""
    reader, documents = ReaderConfig(kafka_of(context)), list[dict[str, Any]]()
    for name in _named(view):
        with output.waiting("the journal to be folded"):
            done = rebuild(name, context.attached.database_url, reader, context.codec)
        documents.append(asdict(done))
        if not json:
            said = f"{done.changed} rows were put right" if done.changed else "every row was right"
            output.console().print(f"{done.view} was folded again from offset 0; {said}.")
            output.table(("table", "rows"), list(done.rows.items()), "")
    if json:
        output.as_json(documents[0] if view is not None else documents)
    return exits.OK


def show_comparison(context: Context, view: str | None, *, json: bool) -> int:
    """Print how a view, or every view, differs from a new fold; return whether none does."""
    reader, documents, code = ReaderConfig(kafka_of(context)), list[dict[str, Any]](), exits.OK
    for name in _named(view):
        with output.waiting("the journal to be folded"):
            found = compare(name, context.attached.database_url, reader, context.codec)
        code = exits.NO if found.rows else code
        documents.append({**asdict(found), "rows": found.rows})
        if not json:
            _print(found)
    if json:
        output.as_json(documents[0] if view is not None else documents)
    return code


def _named(view: str | None) -> list[str]:
    return list(VIEWS) if view is None else [view]


def _print(found: Difference) -> None:
    if found.rows == 0:
        said = f"{found.view} equals the fold of the journal, row by row."
        output.console().print(said, style="green")
        return
    output.console().print(
        f"{found.view} differs: {found.only_live} rows only in the live view, "
        f"{found.only_rebuilt} only in the new fold.",
        style="bold red",
    )
    for line in told(found.view, found.examples):
        output.console().print(line, markup=False)


def told(view: str, examples: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield lines that say how rows differ: rows with one key together, column by column.

    Each example is a row with its ``table`` and ``side``, which is ``live`` or ``rebuilt``.
    """
    tables = {table.name: table for table in VIEWS[view].tables}
    rows: dict[str, dict[str, Mapping[str, Any]]] = {}
    for example in examples:
        key = [column.name for column in tables[example["table"]].primary_key]
        named = " ".join([example["table"], *(f"{name}={example[name]}" for name in key)])
        rows.setdefault(named, {})[example["side"]] = example
    for named, sides in rows.items():
        match sides.get("live"), sides.get("rebuilt"):
            case None, _:
                yield f"  {named}: only in the new fold"
            case _, None:
                yield f"  {named}: only in the live view"
            case live, folded:
                yield f"  {named}"
                for name in live:
                    if name != "side" and live[name] != folded[name]:
                        yield f"    {name}"
                        yield f"      - live          {_shown(live[name])}"
                        yield f"      + folded again  {_shown(folded[name])}"


def _shown(value: Any) -> str:
    return shortened(value if isinstance(value, str) else to_json(value), _LONGEST)
