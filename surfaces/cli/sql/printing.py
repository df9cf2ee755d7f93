"""Rows as a table for people, or as CSV or JSON for programs: one form of values in all of them."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from io import StringIO
from itertools import islice
from typing import Any

from runfold.surfaces.application.rendering import jsonable, to_json
from runfold.surfaces.cli import output
from runfold.surfaces.cli.sql.asking import Answer
from runfold.surfaces.visible import visible, visible_json

MOST_SHOWN = 1000
"""How many rows a table shows; its columns are as wide as the widest of them."""

Printer = Callable[[Answer], None]


def as_table(answer: Answer) -> None:
    """Print the first rows under their columns, and say where there are more."""
    rows = list(islice(answer.rows, MOST_SHOWN))
    if not answer.columns:
        output.console().print("Done; it gives no rows.")
        return
    output.table(answer.columns, [[_shown(value) for value in row] for row in rows], "No rows.")
    if len(rows) == MOST_SHOWN and next(answer.rows, None) is not None:
        output.console().print(f"… the first {MOST_SHOWN} rows; --csv and --json print all.")


def as_json(answer: Answer) -> None:
    """Print one JSON list of objects on one line, as rows come."""
    write = sys.stdout.write
    write("[")
    for number, row in enumerate(answer.rows):
        values = map(value_of, row)
        text = to_json(dict(zip(answer.columns, values, strict=True)))
        write(("," if number else "") + visible_json(text))
    write("]\n")
    sys.stdout.flush()


def as_csv(answer: Answer) -> None:
    """Print CSV with a line of names (RFC 4180); null is empty, an empty text is ``""``."""
    write = sys.stdout.write
    if answer.columns:
        write(_csv_line(answer.columns))
    for row in answer.rows:
        write(_csv_line([value_of(value) for value in row]))
    sys.stdout.flush()


def value_of(value: Any) -> Any:  # noqa: PLR0911 - one line a type reads best
    """Return a value as JSON knows it: moments are ISO 8601, those without a zone have none."""
    match value:
        case datetime(tzinfo=None) | time():
            return value.isoformat()
        case datetime():
            return jsonable(value)
        case date():
            return value.isoformat()
        case Decimal() if not value.is_finite():
            return str(value)
        case memoryview():
            return bytes(value).hex()
        case list() | tuple():
            return [value_of(each) for each in value]
        case dict():
            return {str(name): value_of(held) for name, held in value.items()}
        case _:
            return jsonable(value)


def _shown(value: Any) -> object:
    return value if value is None or isinstance(value, datetime) else _text(value_of(value))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value)


def _csv_line(values: Sequence[Any]) -> str:
    return ",".join(_csv_cells(values)) + "\r\n"


def _csv_cells(values: Sequence[Any]) -> Iterator[str]:
    on_terminal = sys.stdout.isatty()
    for value in values:
        if value is None:
            yield ""
            continue
        made = StringIO()
        csv.writer(made, lineterminator="").writerow([_text(value)])
        yield visible(made.getvalue()) if on_terminal else made.getvalue()
