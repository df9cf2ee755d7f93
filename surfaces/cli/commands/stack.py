"""The stack: up, down, status."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runfold.surfaces.cli import exits, options, output
from runfold.surfaces.cli.context import Context, of

if TYPE_CHECKING:
    from runfold.stack.settings import Settings


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
    adopt: Annotated[
        bool,
        typer.Option(
            "--adopt",
            help="Take this database and these topics for one deployment's, whatever they were.",
        ),
    ] = False,
) -> None:
    """Start Kafka, Postgres and every processor; restart those that were given up.

    It is up when a run could complete; exit code 69 where a part of it stands still, or a module
    of tools cannot be imported.
    """
    from runfold.stack import control
    from runfold.surfaces.cli.operations.stack import restarting, watching
    from runfold.surfaces.cli.operations.stack.addresses import (
        choose_monitor_port,
        without_password,
    )
    from runfold.surfaces.cli.operations.stack.modules import MEND, imported
    from runfold.surfaces.cli.operations.stack.stack_status import print_addresses
    from runfold.surfaces.processes import PROCESSES, adopting

    context = of(ctx)
    said = output.console()
    choose_monitor_port(context.settings.home)
    _need_servers(context.settings, lambda line: said.print(f"  {line}", markup=False), adopt=adopt)
    processes = adopting(PROCESSES) if adopt else PROCESSES
    running = control.up(context.settings, processes, report=lambda line: said.print(f"  {line}"))
    standing = _standing_still(context)
    modules = imported(context.settings, lambda line: said.print(f"  {line}", markup=False))
    # What stands still would be waited for in vain.
    seconds = _probed(context, running.settings) if probe and not standing else None
    agent = None if standing else _first_agent(context, running.settings)
    said.print("The stack was up already." if running.found else "The stack is up.")
    if running.settings.deployment:
        said.print(f"  Name      {running.settings.deployment}")
    said.print(f"  Kafka     {running.bootstrap_servers}")
    print_addresses(context, running.database_url, without_password)
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
    from runfold.surfaces.cli.operations.stack.restarting import Restart

    code = Restart(of(ctx).settings).run(parts or [])
    if code == exits.OK:
        output.console().print("Restarted.")
    raise typer.Exit(code)


def down(ctx: typer.Context) -> None:
    """Stop everything that `up` started; the data stays.

    Calls under way may end first, for RUNFOLD_DRAIN_S at the most; a second Ctrl-C cuts them off.
    """
    from runfold.surfaces.cli.operations.stack.ending import Ending

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
        from runfold.surfaces.cli.operations.stack.stack_status import show_stack

        raise typer.Exit(show_stack(context, json=json, password=show_password))
    from runfold.surfaces.cli.names import run_id_of
    from runfold.surfaces.cli.runs.status import show_status

    run_id = run_id_of(context, run, tenant)
    context.reads_now("status", tenant, run_id)
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


def _need_servers(settings: Settings, tell: Callable[[str], None], *, adopt: bool) -> None:
    """Say what keeps servers of one's own from being used before anything is started on them."""
    from runfold.infra.database import migrate
    from runfold.infra.database import preflight as database
    from runfold.infra.deployment import binding
    from runfold.infra.kafka import preflight as kafka
    from runfold.infra.kafka.rights import PREPARE
    from runfold.projections import schema

    if settings.bootstrap_servers:
        kafka.need(settings.kafka_config(), [PREPARE], kafka.WAIT_S, tell)
    if settings.database_url:
        parts = [migrate.PART, schema.PART]
        database.need(settings.database_url, parts, database.WAIT_S, tell)
    if settings.bootstrap_servers and settings.database_url and not adopt:
        binding.need(settings.kafka_config(), settings.database_url, tell)


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
    from runfold.surfaces.cli.operations.stack.probing import probed

    context.attached = settings
    said = output.console()
    return probed(context, lambda line: said.print(f"  probe: {line}", markup=False))
