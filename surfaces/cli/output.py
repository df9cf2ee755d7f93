"""What the commands print: tables for people, one JSON value for programs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from runfold.surfaces.visible import on_one_line, visible, visible_json

if TYPE_CHECKING:
    from rich.console import Console

Row = Mapping[str, Any]


def console(*, stderr: bool = False) -> Console:
    """Return the terminal; where there is none, lines are as long as they are.

    Whatever is printed on it cannot steer it, and is no mark-up.
    """
    from runfold.surfaces.cli.terminal import Terminal

    return Terminal(highlight=False, markup=False, soft_wrap=not sys.stdout.isatty(), stderr=stderr)


def fault(sentence: str) -> None:
    """Say what went wrong, where the command goes on."""
    sys.stderr.write(f"{visible(sentence)}\n")


def as_json(value: object) -> None:
    """Print one JSON value on one line, in the form that every surface has."""
    from runfold.surfaces.application.rendering import to_json

    sys.stdout.write(visible_json(to_json(value)) + "\n")
    sys.stdout.flush()


_SOON_S = 2.0
"""How long a command is quiet before it says what it waits for."""


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say on a terminal what is waited for, where the block takes longer than two seconds."""
    if not sys.stderr.isatty():
        yield
        return
    said = threading.Timer(_SOON_S, lambda: _tell(f"waiting for {what} …"))
    said.daemon = True
    said.start()
    try:
        yield
    finally:
        said.cancel()


def _tell(line: str) -> None:
    # Nobody may read it any more.
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Yield what is told how much of how much is done: one line on a terminal's error stream."""
    if not sys.stderr.isatty():
        yield lambda _done, _whole: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(what), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, whole: bar.update(task, completed=done, total=whole)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Print rows under their columns, or one sentence where there are none.

    The last column takes what room is left on a terminal; elsewhere nothing is cut or wrapped.
    """
    shown = [[cell(value) for value in row] for row in rows]
    if not shown:
        console().print(empty, markup=False)
    elif sys.stdout.isatty():
        _on_terminal(columns, shown)
    else:
        _plainly([list(columns), *shown])


_LEAST_LAST = 16
"""What the last column of a table needs at least, where its words are as long."""


def _on_terminal(columns: Sequence[str], rows: list[list[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    *widths, last_width = _widths([list(columns), *rows])
    if sum(width + 2 for width in widths) + min(last_width, _LEAST_LAST) > console().width:
        _in_blocks(columns, rows)
        return
    grid = Table(box=None, header_style="dim", pad_edge=False)
    for number, column in enumerate(columns):
        last = number == len(columns) - 1
        least = None if last else max(len(row[number]) for row in rows)
        grid.add_column(column, overflow="fold" if last else "ellipsis", min_width=least)
    for row in rows:
        grid.add_row(*(Text(text) for text in row))
    console().print(grid)


def _in_blocks(columns: Sequence[str], rows: list[list[str]]) -> None:
    """Print each row as lines of a name and a value: a terminal is too narrow for columns."""
    widest, said = max(map(len, columns)), console()
    for number, row in enumerate(rows):
        if number:
            said.print()
        for column, text in zip(columns, row, strict=True):
            said.print(f"{column.ljust(widest)}  {text}".rstrip(), overflow="fold")


def _widths(rows: list[list[str]]) -> list[int]:
    return [max(len(text) for text in column) for column in zip(*rows, strict=True)]


def _plainly(rows: list[list[str]]) -> None:
    widths = _widths(rows)
    for row in rows:
        padded = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        sys.stdout.write("  ".join(padded).rstrip() + "\n")


def cell(value: object) -> str:
    """Return a value as a cell shows it."""
    match value:
        case None:
            return "-"
        case datetime():
            return f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
        case bool():
            return "yes" if value else "no"
        case _:
            return on_one_line(str(value))


def bar(part: float, width: int = 10) -> str:
    """Return a share, 0 to 1, as a bar and in percent; beyond 1 the bar is full."""
    full = min(width, max(0, round(part * width)))
    return f"{'█' * full}{'░' * (width - full)} {part:.0%}"


def moment(at: datetime) -> str:
    """Return a moment as people read it wherever they are: local, with its zone."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S %z}"


def short(run_id: str) -> str:
    """Return as much of a run's or call's id as tells it from others, to the call's number."""
    run, dot, number = run_id.partition(".")
    return f"{run[:18]}{dot}{number}"
