"""``show RUN --at SEQ``: a run's state as of any of its events, folded from the journal [34]."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import takewhile
from typing import Any

from runfold.events.base import Record
from runfold.events.content import JSON, Content
from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.faults import CliError
from runfold.surfaces.cli.names import run_id_of
from runfold.surfaces.cli.words import said, shortened
from runfold.surfaces.run_summary import picture


def show_state(context: Context, typed: str, at: int | None, *, json: bool) -> None:
    """Print the state of a run after event ``at``, or after its latest."""
    run_id = run_id_of(context, typed)
    events = context.client("", "").events(run_id)
    found = picture(events if at is None else takewhile(lambda e: e.meta.seq <= at, events))
    if found is None:
        raise CliError(f"Run {run_id} has no events on the journal.", exits.NOT_FOUND)
    if at is not None and found.seq < at:
        raise CliError(f"Run {run_id} has {found.seq} events, not {at}.", exits.NOT_FOUND)
    state = plain(found.state)
    if json:
        output.as_json({"seq": found.seq, "event": found.last.type, "state": state})
        return
    console = output.console()
    console.print(
        f"After event {found.seq}, {found.last.type}: {said(found.last.fact)}", style="bold"
    )
    _print(state, "")


def plain(value: Any) -> Any:  # noqa: PLR0911 - one line a type reads best
    """Return a state as plain JSON values; contents as their words."""
    match value:
        case Content():
            return _words(value)
        case Record():
            return {name: plain(held) for name, held in value if held is not None}
        case bytes():
            return value.hex()
        case datetime() | Decimal():
            return str(value)
        case timedelta():
            return value.total_seconds()
        case tuple() | list():
            return [plain(item) for item in value]
        case frozenset():
            return sorted(plain(item) for item in value)
        case _ if is_dataclass(value):
            named = ((field.name, getattr(value, field.name)) for field in fields(value))
            return {name: plain(held) for name, held in named if held is not None}
        case _ if hasattr(value, "items"):
            return {str(plain(name)): plain(held) for name, held in value.items()}
        case _:
            return value


def _words(content: Content) -> str:
    if content.inline is None:
        return f"{content.media_type}, {content.size} bytes, sha256 {content.digest.hex()}"
    if content.media_type == JSON or content.media_type.startswith("text/"):
        return content.inline.decode("utf-8", "replace")
    return f"{content.media_type}, {content.size} bytes"


def _print(value: Any, indent: str) -> None:
    console = output.console()
    entries = (
        value.items() if isinstance(value, dict) else ((f"{n}", v) for n, v in enumerate(value))
    )
    for name, held in entries:
        if isinstance(held, dict | list) and held:
            console.print(f"{indent}{name}", style="cyan", markup=False)
            _print(held, indent + "  ")
        elif held not in ({}, [], ""):
            console.print(f"{indent}{name}: {shortened(str(held), 160)}", markup=False)
