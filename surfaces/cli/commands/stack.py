"""The stack: up, down, status."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runfold.surfaces.cli import exits, options, output
from runfold.surfaces.cli.context import Context, of

if TYPE_CHECKING:
    from runfold.stack.settings import Settings
    from runfold.stack.supervisor.state import State
    from runfold.stack.tool_modules import ToolModules


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(up)
    app.command()(restart)
    app.command()(down)
    app.command()(status)
    app.command()(demo)


def up(
    ctx: typer.Context,
    probe: Annotated[
        bool, typer.Option(help="See by a run of Runfold's own that runs complete.")
    ] = True,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Restart the tool pool whenever code of its tools changes."),
    ] = False,
    manifests: Annotated[
        list[Path] | None,
        typer.Option(
            "--file", "-f", metavar="PATH", help="With --watch: manifests to publish on change."
        ),
    ] = None,
) -> None:
    """Start Kafka, Postgres and every processor; restart those that were given up.

    It is up when a run could complete; exit code 69 where a part of it stands still, or a module
    of tools cannot be imported.
    """
    from runfold.stack import control
    from runfold.surfaces.cli.operations import restarting, watching
    from runfold.surfaces.cli.operations.addresses import choose_monitor_port, without_password
    from runfold.surfaces.cli.operations.modules import MEND, imported
    from runfold.surfaces.processes import PROCESSES

    context = of(ctx)
    said = output.console()
    choose_monitor_port(context.settings.home)
    _need_servers(context.settings, lambda line: said.print(f"  {line}", markup=False))
    running = control.up(context.settings, PROCESSES, report=lambda line: said.print(f"  {line}"))
    standing = _standing_still(context)
    modules = imported(context.settings, lambda line: said.print(f"  {line}", markup=False))
    # What stands still would be waited for in vain.
    seconds = _probed(context, running.settings) if probe and not standing else None
    agent = None if standing else _first_agent(context, running.settings)
    said.print("The stack was up already." if running.found else "The stack is up.")
    said.print(f"  Kafka     {running.bootstrap_servers}")
    _print_addresses(context, running.database_url, without_password)
    said.print(f"  Home      {context.settings.home}")
    if seconds is not None:
        said.print(f"  Probe     a run completed in {seconds:.1f} s")
    if agent is not None:
        said.print(f"  Agent     {agent}")
    if running.found and (changed := restarting.changed_since(context.settings)):
        for line in restarting.what_changed(changed):
            said.print(line, markup=False)
    for sentence in (*standing, *map(str, modules.faulty), *([MEND] if modules.faulty else [])):
        said.print(sentence, markup=False)
    if watch:
        watching.watch(context, manifests or [])
    elif standing or modules.faulty:
        raise typer.Exit(exits.UNAVAILABLE)


def restart(
    ctx: typer.Context,
    parts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PART ...]", help="Names as `runfold status` shows them."),
    ] = None,
) -> None:
    """Restart parts with the settings of now, one after another; calls under way end first.

    Without a name all but Kafka and Postgres. Exit code 69 where a part does not come back, or a
    module of tools cannot be imported.
    """
    from runfold.surfaces.cli.operations.restarting import Restart

    code = Restart(of(ctx).settings).run(parts or [])
    if code == exits.OK:
        output.console().print("Restarted.")
    raise typer.Exit(code)


def down(ctx: typer.Context) -> None:
    """Stop everything that `up` started; the data stays.

    Calls under way may end first, for RUNFOLD_DRAIN_S at the most; a second Ctrl-C cuts them off.
    """
    from runfold.surfaces.cli.operations.ending import Ending

    stopped = Ending(of(ctx).settings).run()
    output.console().print("The stack is down." if stopped else "Nothing was running.")


def status(
    ctx: typer.Context,
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="A run's id, or the beginning of one."),
    ] = None,
    tenant: options.Narrow = None,
    show_password: Annotated[
        bool, typer.Option("--show-password", help="Show the password of Postgres as well.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Show the state of the stack, or of a run (its exit code).

    Exit code 69 where a part of the stack is down, or a module of tools cannot be imported.
    """
    context = of(ctx)
    if run is None:
        raise typer.Exit(_stack_status(context, json=json, password=show_password))
    from runfold.surfaces.cli.names import run_id_of
    from runfold.surfaces.cli.runs.status import show_status

    run_id = run_id_of(context, run, tenant)
    raise typer.Exit(show_status(context.runs(tenant), run_id, json=json))


def demo(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Option(help="The log to work on; the broker's own unless given.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Approve what the agent asks for.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack up at the end.")] = False,
) -> None:
    """Watch an agent triage a log: every step an event, its report approved by you."""
    from runfold.surfaces.cli.demo.demo import demo as play

    raise typer.Exit(play(of(ctx), file, yes=yes, keep=keep))


def _need_servers(settings: Settings, tell: Callable[[str], None]) -> None:
    """Say what keeps servers of one's own from being used before anything is started on them."""
    from runfold.infra.database import migrate
    from runfold.infra.database import preflight as database
    from runfold.infra.kafka import preflight as kafka
    from runfold.infra.kafka.rights import PREPARE
    from runfold.projections import schema

    if settings.bootstrap_servers:
        kafka.need(settings.kafka_config(), [PREPARE], kafka.WAIT_S, tell)
    if settings.database_url:
        parts = [migrate.PART, schema.PART]
        database.need(settings.database_url, parts, database.WAIT_S, tell)


def _standing_still(context: Context) -> list[str]:
    from runfold.stack import control

    known = control.status(context.settings)
    members = known.members if known else ()
    return [
        f"{each.name} stands still: {each.reason}" for each in members if each.state == "failed"
    ]


def _first_agent(context: Context, settings: Settings) -> str | None:
    """Publish an agent to begin with; a Kafka of somebody's own is left as it is."""
    from runfold.surfaces.cli.publishing import publish_first_agent

    if context.settings.bootstrap_servers:
        return None
    context.attached = settings
    return publish_first_agent(context)


def _probed(context: Context, settings: Settings) -> float:
    """Return how long a run took; raises ProbeError with the part that it waits for."""
    from runfold.surfaces.cli.operations.probing import probed

    context.attached = settings
    said = output.console()
    return probed(context, lambda line: said.print(f"  probe: {line}", markup=False))


def _stack_status(context: Context, *, json: bool, password: bool = False) -> int:
    from runfold.stack import control
    from runfold.stack.supervisor.state import READY
    from runfold.stack.tool_modules import ToolModules, tool_modules
    from runfold.surfaces.cli.operations.addresses import without_password
    from runfold.surfaces.cli.operations.modules import MEND

    known = control.status(context.settings)
    shown = str if password else without_password
    aside = _set_aside(context) if known is not None and known.phase == READY else {}
    modules = tool_modules(known) if known is not None else ToolModules()
    if json:
        output.as_json(_as_row(context, known, shown, aside, modules))
    elif known is None:
        output.console().print("Nothing runs here: start it with `runfold up`.")
    else:
        _print(context, known, shown)
    if aside and not json:
        views = ", ".join(f"{view} {count}" for view, count in aside.items())
        output.console().print(f"Events that views could not take: {views}. See `runfold doctor`.")
    for sentence in (*map(str, modules.faulty), *([MEND] if modules.faulty else [])):
        if not json:
            output.console().print(sentence, markup=False)
    whole = known is not None and known.phase == READY and not _down(known) and not modules.faulty
    return exits.OK if whole else exits.UNAVAILABLE


def _set_aside(context: Context) -> dict[str, int]:
    """Return how many events each view has set aside; none where the tables cannot be asked."""
    from sqlalchemy.exc import SQLAlchemyError

    from runfold.projections import queries
    from runfold.projections.queries import OperatorViews

    try:
        with context.engine.connect() as connection:
            return queries.set_aside(OperatorViews(connection, "runfold status"))
    except SQLAlchemyError:
        return {}


def _down(known: State) -> list[str]:
    return [*_given_up(known), *_starting_again(known)]


def _starting_again(known: State) -> list[str]:
    """Return the parts that are not up yet, in a stack that has been."""
    return [each.name for each in known.members if each.state in {"starting", "waiting"}]


def _given_up(known: State) -> list[str]:
    return [member.name for member in known.members if member.state == "failed"]


def _print_addresses(context: Context, database_url: str, shown: Callable[[str], str]) -> None:
    from runfold.surfaces.cli.operations.addresses import monitor_url, reading_url

    said = output.console()
    said.print(f"  Postgres  {shown(database_url) or '-'}")
    reading, why = reading_url(database_url)
    said.print(f"  Read only {shown(reading) if reading else f'- ({why})'}")
    said.print(f"  Monitor   {monitor_url(context.settings.home) or '-'}")


def _print(context: Context, known: State, shown: Callable[[str], str]) -> None:
    from runfold.stack.processes.usage import memory_bytes
    from runfold.stack.supervisor.state import READY

    said = output.console()
    again = _starting_again(known) if known.phase == READY else []
    but = f", but a part is starting again: {', '.join(again)}" if again else ""
    said.print(f"The stack is {known.phase}{but} (supervisor {known.pid}).")
    said.print(f"  Kafka     {known.bootstrap_servers or '-'}")
    _print_addresses(context, known.database_url, shown)
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
    modules: ToolModules,
) -> dict[str, object]:
    from dataclasses import asdict

    from runfold.surfaces.cli.operations.addresses import monitor_url, reading_url

    if known is None:
        return {"phase": "down"}
    reading, _ = reading_url(known.database_url)
    row = {
        **asdict(known),
        "database_url": shown(known.database_url),
        "read_only_url": shown(reading) if reading else None,
        "monitor_url": monitor_url(context.settings.home),
        "set_aside": aside,
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
