"""What `runfold status` shows of the stack."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.context import Context

if TYPE_CHECKING:
    from runfold.projections.passed_by import PassedBy
    from runfold.stack.supervisor.state import State
    from runfold.stack.tool_modules import ToolModules


def show_stack(context: Context, *, json: bool, password: bool = False) -> int:
    """Show the stack's state; return the exit code, 69 where a part of it is down."""
    from runfold.projections.passed_by import TODO
    from runfold.stack import attaching
    from runfold.stack.supervisor.state import READY
    from runfold.stack.tool_modules import ToolModules, tool_modules
    from runfold.surfaces.cli.operations.stack.addresses import without_password
    from runfold.surfaces.cli.operations.stack.modules import MEND

    known = attaching.status(context.settings)
    shown = str if password else without_password
    ready = known is not None and known.phase == READY
    aside, passed = _set_aside(context) if ready else ({}, None)
    modules = tool_modules(known) if known is not None else ToolModules()
    if json:
        output.as_json(_as_row(context, known, shown, aside, passed, modules))
    elif known is None:
        output.console().print("Nothing runs here: start it with `runfold up`.")
    else:
        _print(context, known, shown)
    if aside and not json:
        views = ", ".join(f"{view} {count}" for view, count in aside.items())
        output.console().print(f"Events that views could not take: {views}. See `runfold doctor`.")
    if passed and not json:
        output.console().print(f"After an upgrade, {passed}: {TODO}.", markup=False)
    for sentence in (*map(str, modules.faulty), *([MEND] if modules.faulty else [])):
        if not json:
            output.console().print(sentence, markup=False)
    whole = known is not None and known.phase == READY and not _down(known) and not modules.faulty
    return exits.OK if whole else exits.UNAVAILABLE


def _set_aside(context: Context) -> tuple[dict[str, int], PassedBy | None]:
    """Return how many events each view has set aside, and what older projectors passed by.

    Nothing where tables or registry cannot be asked.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from runfold.events.errors import RegistryError
    from runfold.projections import queries
    from runfold.projections.passed_by import passed_by
    from runfold.projections.queries import OperatorViews

    try:
        with context.engine.connect() as connection:
            views = OperatorViews(connection, "runfold status")
            return queries.set_aside(views), passed_by(views, context.codec)
    except (SQLAlchemyError, RegistryError):
        return {}, None


def _down(known: State) -> list[str]:
    return [*_given_up(known), *_starting_again(known)]


def _starting_again(known: State) -> list[str]:
    """Return the parts that are not up yet, in a stack that has been."""
    return [each.name for each in known.members if each.state in {"starting", "waiting"}]


def _given_up(known: State) -> list[str]:
    return [member.name for member in known.members if member.state == "failed"]


def print_addresses(context: Context, database_url: str, shown: Callable[[str], str]) -> None:
    """Print where Postgres, the monitor's page and the HTTP API are, as far as they are known."""
    from runfold.surfaces.cli.operations.stack.addresses import (
        development_key,
        gateway_url,
        monitor_url,
        reading_url,
    )

    said = output.console()
    said.print(f"  Postgres  {shown(database_url) or '-'}")
    reading, why = reading_url(database_url)
    said.print(f"  Read only {shown(reading) if reading else f'- ({why})'}")
    home = context.settings.home
    said.print(f"  Monitor   {monitor_url(home) or '-'}")
    said.print(f"  HTTP API  {gateway_url(home) or '-'}")
    if (file := development_key(home)) is not None:
        said.print(f"  API key   in {file}", soft_wrap=True)


def _print(context: Context, known: State, shown: Callable[[str], str]) -> None:
    from runfold.stack.processes.usage import memory_bytes
    from runfold.stack.supervisor.state import READY

    said = output.console()
    again = _starting_again(known) if known.phase == READY else []
    but = f", but a part is starting again: {', '.join(again)}" if again else ""
    said.print(f"The stack is {known.phase}{but} (supervisor {known.pid}).")
    if known.deployment:
        said.print(f"  Name      {known.deployment}")
    said.print(f"  Kafka     {known.bootstrap_servers or '-'}")
    print_addresses(context, known.database_url, shown)
    rows = [
        (
            member.name,
            member.state,
            member.pid,
            _age(member.since) if member.pid else None,
            f"{memory_bytes(member.pid) / 1e6:.0f} MB" if member.pid else None,
            member.restarts,
            member.metrics_port,
            member.reason or "",
        )
        for member in known.members
    ]
    output.table(
        ("process", "state", "pid", "up for", "memory", "restarts", "metrics", ""), rows, ""
    )
    if names := _given_up(known):
        said.print(f"Given up: {', '.join(names)}. `runfold up` starts again what was given up.")


def _as_row(
    context: Context,
    known: State | None,
    shown: Callable[[str], str],
    aside: dict[str, int],
    passed: PassedBy | None,
    modules: ToolModules,
) -> dict[str, object]:
    from dataclasses import asdict

    from runfold.surfaces.cli.operations.stack.addresses import (
        gateway_url,
        monitor_url,
        reading_url,
    )

    if known is None:
        return {"phase": "down"}
    reading, _ = reading_url(known.database_url)
    row = {
        **asdict(known),
        "database_url": shown(known.database_url),
        "read_only_url": shown(reading) if reading else None,
        "monitor_url": monitor_url(context.settings.home),
        "gateway_url": gateway_url(context.settings.home),
        "set_aside": aside,
        "passed_by": asdict(passed) if passed else None,
        "tool_modules": asdict(modules),
    }
    # What settings are recorded by is nobody's business.
    row.pop("key")
    for member in row["members"]:
        member.pop("settings")
    return row


def _age(since: float) -> str:
    seconds = max(0, int(time.time() - since))
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"
