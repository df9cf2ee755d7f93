"""Webhooks and notifications: who gets what, what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from runfold.surfaces.cli import options, output
from runfold.surfaces.cli.context import of

if TYPE_CHECKING:
    from runfold.events.definitions import Definitions
    from runfold.processors.delivery.log import DeliveryLog
    from runfold.surfaces.cli.context import Context

webhooks = typer.Typer(help="Webhooks: events sent to receivers.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The subscription.")]
Whose = Annotated[
    str | None,
    typer.Option("--tenant", help="The tenant's own; that of all tenants without."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    webhooks.command("list")(list_webhooks)
    webhooks.command("show")(show)
    webhooks.command("log")(log)
    webhooks.command("replay")(replay)
    webhooks.command("rotate")(rotate)
    webhooks.command("test")(try_out)
    webhooks.command("secret")(secret)
    app.add_typer(webhooks, name="webhooks")
    app.command("notifications")(notifications)


def list_webhooks(ctx: typer.Context, tenant: Whose = None, json: options.Json = False) -> None:
    """List subscriptions: of a tenant, or of all tenants without."""
    from runfold.surfaces.application.delivery.webhooks import webhooks as listed

    found = listed(_known(of(ctx)), _log(of(ctx)), tenant, everybody=tenant is None)
    if json:
        output.as_json(found)
        return
    rows = [
        (
            w.name,
            w.version,
            w.tenant or "all",
            w.state,
            w.open,
            w.failed,
            w.url,
            ", ".join(w.events),
        )
        for w in found
    ]
    columns = ("name", "version", "tenant", "state", "open", "failed", "url", "events")
    output.table(columns, rows, "No webhooks yet.")


def show(ctx: typer.Context, name: Name, tenant: Whose = None, json: options.Json = False) -> None:
    """Show one: what it gets, how its receiver does, and why it is switched off."""
    from runfold.surfaces.application.delivery.webhooks import webhook

    found = webhook(_known(of(ctx)), _log(of(ctx)), name, tenant)
    if json:
        output.as_json(found)
        return
    rows = [(field, value) for field, value in found if field != "shape"]
    output.table(("field", "value"), [(field, _said(value)) for field, value in rows], "")


def log(
    ctx: typer.Context,
    name: Name,
    tenant: Whose = None,
    state: Annotated[
        str | None, typer.Option("--state", help="Only open, delivered, failed or dropped ones.")
    ] = None,
    run: Annotated[str | None, typer.Option("--run", help="Only of this run.")] = None,
    limit: options.Limit = 50,
    json: options.Json = False,
) -> None:
    """List deliveries, the newest first, with how the last attempt of each ended."""
    from runfold.surfaces.application.delivery.webhooks import deliveries, in_force

    key, _ = in_force(_known(of(ctx)), name, tenant)
    found = deliveries(_log(of(ctx)), key, limit, None, state, run)
    if json:
        output.as_json(found)
        return
    rows = []
    for each in found:
        last = each.attempts[-1] if each.attempts else None
        said = (last.error or str(last.code)) if last else ""
        event = f"{each.run_id}/{each.seq}"
        after = f"after {each.waits_for}" if each.waits_for is not None else each.due_at
        rows.append((each.number, event, each.type, each.state, len(each.attempts), said, after))
    columns = ("number", "event", "type", "state", "attempts", "last", "next")
    output.table(columns, rows, "Nothing yet.")


def replay(
    ctx: typer.Context,
    name: Name,
    start: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="MOMENT|POSITION",
            help="From when on, such as 2026-11-30T12:00Z; or where in the journal: 0:120,3:77.",
        ),
    ],
    tenant: Whose = None,
    json: options.Json = False,
) -> None:
    """Send events of the journal once more, from a moment or a position to now."""
    from runfold.surfaces.application.delivery.replaying import replay as again
    from runfold.surfaces.application.delivery.replaying import start_of
    from runfold.surfaces.application.delivery.webhooks import in_force

    begin, known, kept = start_of(start), _known(of(ctx)), _log(of(ctx))
    key, made = in_force(known, name, tenant)
    with output.waiting("the journal"):
        found = again(of(ctx).reader, known, kept, key, made, begin)
    if json:
        output.as_json(found)
        return
    said = f"{found.events} events are sent to {name} again."
    if found.tried_first:
        said += (
            f" Of {found.tried_first} runs an earlier delivery waited for its next attempt: it is "
            "tried now, and these go after it."
        )
    if found.next:
        said += f" That is the most at once: go on with --from {found.next} when they are sent."
    output.console().print(said, markup=False)


def rotate(
    ctx: typer.Context,
    name: Name,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="SECRET", help="The name of the new secret in the store."),
    ] = None,
    finish: Annotated[
        bool, typer.Option("--finish", help="Sign with the newest secret alone from now on.")
    ] = False,
    tenant: Whose = None,
    user: options.User = "me",
) -> None:
    """Sign with a new secret beside the old one; later, with --finish, with the new one alone."""
    from runfold.surfaces.application.delivery.webhooks import in_force, rotated
    from runfold.surfaces.cli.commands.definitions import show_report

    if finish == (to is not None):
        raise typer.BadParameter("say either --to SECRET or --finish")
    key, made = in_force(_known(of(ctx)), name, tenant)
    manifest = rotated(_log(of(ctx)), key, made, to)
    report, remarks = _published(of(ctx), manifest, user, tenant)
    show_report(report, remarks)
    if to is not None:
        output.console().print(
            f"Within a minute `runfold webhooks show {name}` says whether {to} is there: until it "
            f"is, {manifest['spec']['secrets'][1]} signs alone.",
            markup=False,
        )


def try_out(
    ctx: typer.Context,
    name: Name,
    tenant: Whose = None,
) -> None:
    """Send a signed message of type `test` from this machine, and show what was answered.

    The secret is looked for as the process that delivers does, and its bounds of where requests may
    go hold here too.
    """
    from runfold.surfaces.application.delivery.trying import send_test
    from runfold.surfaces.application.delivery.webhooks import in_force

    key, made = in_force(_known(of(ctx)), name, tenant)
    with output.waiting("the receiver"):
        found = send_test(key, made)
    if found.verdict != "delivered":
        output.fault(f"{name}: {found.error}")
        raise typer.Exit(1)
    said = f"{name} answered {found.code} in {found.took_ms} ms."
    output.console().print(said, markup=False)


def secret() -> None:
    """Print a new signing secret, for the store of secrets and for the receiver."""
    from runfold.infra.http.signing import new_secret

    typer.echo(new_secret())


def notifications(
    ctx: typer.Context,
    tenant: options.Narrow = None,
    state: Annotated[
        str | None, typer.Option("--state", help="Only open, sent, failed, unknown … ones.")
    ] = None,
    limit: options.Limit = 50,
    json: options.Json = False,
) -> None:
    """List notifications of subscribers, the newest first."""
    from runfold.surfaces.application.delivery.webhooks import notifications as listed

    found = listed(_log(of(ctx)), tenant, state, limit, everybody=tenant is None)
    if json:
        output.as_json(found)
        return
    rows = [(n.subscriber, n.about, n.state, n.due_at, n.said, n.error or "") for n in found]
    columns = ("subscriber", "about", "state", "due", "said", "error")
    output.table(columns, rows, "No notifications yet.")


def _said(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return as_written({name: said for name, said in value.items() if said})
    return "" if value is None else str(value)


def as_written(value: dict[str, Any]) -> str:
    """Return a part of a manifest as it is written on one line; nothing where it is empty."""
    import yaml

    if not value:
        return ""
    return yaml.safe_dump(
        value, default_flow_style=True, width=10_000, sort_keys=False, allow_unicode=True
    ).strip()


def _known(context: Context) -> Definitions:
    from runfold.surfaces.application.governing.definitions import read_definitions

    return read_definitions(context.reader)


def _log(context: Context) -> DeliveryLog:
    from runfold.processors.delivery.log import DeliveryLog

    return DeliveryLog(context.attached.database_url)


def _published(
    context: Context, manifest: dict[str, Any], user: str, tenant: str | None
) -> tuple[Any, Any]:
    import json
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from runfold.surfaces.cli.publishing import apply_manifests

    with TemporaryDirectory(prefix="webhook-") as folder:
        file = Path(folder) / "subscription.yaml"
        file.write_text(json.dumps(manifest), encoding="utf-8")
        return apply_manifests(context, [file], user, tenant)
