"""Looking after it: doctor, audit, views, schemas, topics, dead letters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runfold.surfaces.cli import exits, options, output
from runfold.surfaces.cli.commands.running.runs import since_of
from runfold.surfaces.cli.context import of
from runfold.surfaces.visible import visible

audit = typer.Typer(help="Prove what the journal says.", no_args_is_help=True)
schemas = typer.Typer(help="The Avro schemas of every topic.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    audit.command("verify")(verify)
    app.add_typer(audit, name="audit")
    app.command()(rebuild)
    schemas.command("list")(list_schemas)
    schemas.command("check")(check_schemas)
    schemas.command("publish")(publish_schemas)
    app.add_typer(schemas, name="schemas")
    app.command()(doctor)
    app.command()(alerts)
    app.command()(rules)
    app.command()(topics)
    app.command()(deadletters)
    app.command()(reads)


def verify(
    ctx: typer.Context,
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="Only this run.")] = None,
    jobs: Annotated[
        int, typer.Option(min=0, help="Processes that read; 0: one a processor, if it is long.")
    ] = 0,
    json: options.Json = False,
) -> None:
    """Read the journal itself: sequence, chain, permits, ends, and every decision decided again."""
    from runfold.surfaces.cli.names import run_id_of
    from runfold.surfaces.cli.operations.data.audits import show_audit

    context = of(ctx)
    run_id = run_id_of(context, run) if run else None
    raise typer.Exit(show_audit(context, run_id, jobs, json=json))


def rebuild(
    ctx: typer.Context,
    view: Annotated[
        str | None, typer.Argument(metavar="[VIEW]", help="Only this view; every view without it.")
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Change nothing; say which rows would differ.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Fold views again from offset 0 beside the live ones, and put right the rows that differ."""
    from runfold.surfaces.cli.operations.data.rebuilding import show_comparison, show_rebuild

    show_it = show_comparison if compare else show_rebuild
    raise typer.Exit(show_it(of(ctx), view, json=json))


def list_schemas(json: options.Json = False) -> None:
    """List every subject with its versions and ids."""
    from runfold.events.avro.files import SchemaFolder

    entries = SchemaFolder().entries()
    rows = [(e.subject, e.version, e.id, "released" if e.released else "draft") for e in entries]
    columns = ("subject", "version", "id", "state")
    if json:
        output.as_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        output.table(columns, rows, "There are no schemas.")


def check_schemas() -> None:
    """Check that files and classes agree, and that released versions are compatible both ways."""
    from runfold.events.avro.compatibility import incompatibilities
    from runfold.events.avro.files import SchemaFolder
    from runfold.events.avro.releases import drift

    folder = SchemaFolder()
    problems = [*drift(folder), *incompatibilities(folder)]
    for problem in problems:
        typer.echo(visible(str(problem)), err=True)
    if problems:
        raise typer.Exit(exits.NO)
    output.console().print("The schemas are as they should be.")


def publish_schemas(
    registry: Annotated[
        str, typer.Option(envvar="SCHEMA_REGISTRY_URL", help="A Confluent-compatible registry.")
    ],
) -> None:
    """Register every schema with a registry; an incompatible one is refused."""
    from runfold.producers.schema_registry.confluent import publish

    lines = publish(registry)
    output.console().print(f"{len(lines)} schemas are registered at {registry}.")


def doctor(
    ctx: typer.Context,
    probe: Annotated[
        bool, typer.Option("--probe", help="Make a run, to see that one completes.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Check the deployment from outside, and say what is wrong and what to do."""
    from runfold.surfaces.cli.operations.examining import show_examination

    raise typer.Exit(show_examination(of(ctx), json=json, probe=probe))


def alerts(
    ctx: typer.Context,
    since: Annotated[
        str, typer.Option(help="Also those that were cleared since, such as 7d, 12h, 30m.")
    ] = "1d",
    json: options.Json = False,
) -> None:
    """List the monitor's alerts: those that hold, and those that were cleared lately.

    An alert about runs that wait for a person shows what they wait for.
    """
    from runfold.surfaces.cli.operations.alerts import show_alerts

    show_alerts(of(ctx), since_of(since), json=json)


def rules(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILES]", help="Rule files; RUNFOLD_MONITOR_RULES unless given."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Check the monitor's rules and objectives, and list what they watch."""
    from runfold.surfaces.application.operations.rules import COLUMNS, list_rules

    rows = list_rules(files or [])
    if json:
        output.as_json(rows)
    else:
        output.table(COLUMNS, [tuple(row[name] for name in COLUMNS) for row in rows], "No rules.")


def topics(ctx: typer.Context, json: options.Json = False) -> None:
    """List the topics with their purpose, partitions, and how many offsets are kept.

    There are at most as many records: marks of transactions take offsets too.
    """
    from runfold.surfaces.application.operations.topics import list_topics
    from runfold.surfaces.cli.context import kafka_of

    found = list_topics(kafka_of(of(ctx)))
    if json:
        output.as_json(found)
        return
    columns = ("topic", "partitions", "offsets", "purpose")
    output.table(columns, [tuple(row[name] for name in columns) for row in found], "")


def deadletters(
    ctx: typer.Context,
    show: Annotated[
        int | None, typer.Option("--show", min=1, help="Show this one whole, by its number.")
    ] = None,
    limit: options.Limit = 50,
    json: options.Json = False,
) -> None:
    """List the inputs that could not be used, the newest first, or show one with its bytes."""
    from runfold.surfaces.cli.operations.data.dead_letters import (
        list_dead_letters,
        show_dead_letter,
    )

    context = of(ctx)
    context.reads_now("deadletters" if show is None else f"deadletters --show {show}", None)
    if show is None:
        list_dead_letters(context, limit, json=json)
    else:
        show_dead_letter(context, show, json=json)


def reads(
    ctx: typer.Context,
    tenant: options.Narrow = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by", metavar="PERSON", help="Only of this user, login, or whom a token speaks for."
        ),
    ] = None,
    since: Annotated[str | None, typer.Option(help="Only since, such as 7d, 12h, 30m.")] = None,
    limit: options.Limit = 50,
    json: options.Json = False,
) -> None:
    """List who read what, the newest first, where RUNFOLD_READS keeps a record."""
    from runfold.surfaces.cli.operations.data.reading import show_reads

    context = of(ctx)
    context.reads_now("reads", tenant)
    show_reads(context, tenant, by, since_of(since), limit, json=json)
