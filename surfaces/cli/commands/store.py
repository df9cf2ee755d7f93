"""The definition store: what is published, what is live, and deciding about versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from runfold.surfaces.cli import options, output
from runfold.surfaces.cli.context import of

if TYPE_CHECKING:
    from runfold.surfaces.application.governing.definitions import Governing
    from runfold.surfaces.cli.context import Context

store = typer.Typer(
    help="Agents, tools, model scripts and policies: what is published, what is live.",
    no_args_is_help=True,
)

Reference = Annotated[
    str, typer.Argument(metavar="NAME", help="name, name@version or kind/name@version.")
]
Version = Annotated[
    str, typer.Argument(metavar="NAME@VERSION", help="name@version or kind/name@version.")
]
Owner = Annotated[
    str | None,
    typer.Option("--tenant", envvar="RUNFOLD_TENANT", help="For this tenant; for all without."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    store.command("list")(list_)
    store.command()(show)
    store.command()(diff)
    store.command(epilog="Example: runfold definitions release clerk@1.2.0 --reason tested")(
        release
    )
    store.command(epilog="Example: runfold definitions retire clerk@1.1.0 --reason superseded")(
        retire
    )
    store.command(
        epilog="Example: runfold definitions withdraw tool/pay@1.0.0 --live refuse --reason leak"
    )(withdraw)
    store.command(epilog="Example: runfold definitions alias helper clerk@1.2.0")(alias)
    app.add_typer(store, name="definitions")
    app.command()(agents)
    app.command()(tools)


def agents(ctx: typer.Context, tenant: options.Narrow = None, json: options.Json = False) -> None:
    """List the agents: the versions of each, and which one is live."""
    _list(of(ctx), "agent", tenant, json=json)


def tools(
    ctx: typer.Context,
    agent: Annotated[
        str | None,
        typer.Option("--agent", help="What calls by this agent ask for: approval, dry run, why."),
    ] = None,
    tenant: options.Narrow = None,
    json: options.Json = False,
) -> None:
    """List the tools, their versions and which one is live; of an agent, what its calls ask for."""
    if agent is not None:
        from runfold.surfaces.cli.operations.governing.access import show_terms

        show_terms(of(ctx), agent, tenant, json=json)
        return
    _list(of(ctx), "tool", tenant, json=json)


def list_(
    ctx: typer.Context,
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="[KIND]",
            help="agent, tool, model_script, policy, tenant_policy, response_profile, subscription "
            "or subscriber.",
        ),
    ] = None,
    tenant: options.Narrow = None,
    json: options.Json = False,
) -> None:
    """List every version with its state, and whether its name stands for it."""
    _list(of(ctx), kind, tenant, json=json)


def show(
    ctx: typer.Context,
    name: Reference,
    tenant: options.Narrow = None,
    json: options.Json = False,
) -> None:
    """Show one version with its content: the named one, or what the name stands for."""
    from runfold.surfaces.application.governing.definitions import (
        flat,
        read_definitions,
        show_definition,
    )

    found = show_definition(read_definitions(of(ctx).reader), name, tenant)
    if json:
        output.as_json(found)
        return
    said = {
        "kind": found.kind,
        "name": found.name,
        "version": found.version,
        "tenant": found.tenant or "all",
        "state": found.state + (f" ({found.reason})" if found.reason else ""),
        "live": found.live,
        "published": found.published_at,
        "by": found.published_by,
        "digest": found.digest,
    }
    output.table(("definition", found.kind), list(said.items())[1:], "")
    rows = [(name, _brief(value)) for name, value in flat(found.body).items()]
    output.table(("field", "value"), rows, "")


def diff(
    ctx: typer.Context,
    before: Reference,
    after: Reference,
    tenant: options.Narrow = None,
    json: options.Json = False,
) -> None:
    """Show field by field what differs between two definitions."""
    from runfold.surfaces.application.governing.definitions import (
        diff_definitions,
        read_definitions,
    )

    changes = diff_definitions(read_definitions(of(ctx).reader), before, after, tenant)
    if json:
        output.as_json(changes)
        return
    rows = [(each.field, _brief(each.before), _brief(each.after)) for each in changes]
    output.table(("field", before, after), rows, "They say the same.")


def release(
    ctx: typer.Context,
    name: Reference,
    tenant: Owner = None,
    reason: options.Reason = "",
    user: options.User = "me",
) -> None:
    """Make a version the live one; a name without a version stands for the newest again."""
    _governing(of(ctx), tenant, user, reason).release(name)
    whom = f"for tenant {tenant}" if tenant else "for all"
    live = name if "@" in name else f"the newest version of {name}"
    output.console().print(f"live {whom}: {live}", markup=False)


def retire(
    ctx: typer.Context,
    version: Version,
    tenant: Owner = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take it back.")] = False,
    reason: options.Reason = "",
    user: options.User = "me",
) -> None:
    """Let no name stand for a version any more; who names the version still gets it."""
    _governing(of(ctx), tenant, user, reason).retire(version, retired=not undo)
    output.console().print(f"{'in force again' if undo else 'retired'}: {version}", markup=False)


def withdraw(
    ctx: typer.Context,
    version: Version,
    live: Annotated[
        str,
        typer.Option(
            "--live", help="What becomes of live runs: finish, or refuse at their next call."
        ),
    ],
    tenant: Owner = None,
    reason: options.Reason = "",
    user: options.User = "me",
) -> None:
    """Forbid a version to new runs; this cannot be undone."""
    _governing(of(ctx), tenant, user, reason).withdraw(version, live)
    output.console().print(f"withdrawn: {version}; live runs: {live}", markup=False)


def alias(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The other name.")],
    target: Annotated[
        str | None,
        typer.Argument(metavar="[TARGET]", help="What it stands for; without it it is removed."),
    ] = None,
    tenant: Owner = None,
    reason: options.Reason = "",
    user: options.User = "me",
) -> None:
    """Let a name lead to another name or version."""
    _governing(of(ctx), tenant, user, reason).alias(name, target)
    said = f"{name} stands for {target}" if target else f"{name} stands for nothing"
    output.console().print(said, markup=False)


def _governing(context: Context, tenant: str | None, user: str, reason: str) -> Governing:
    from runfold.infra.settings.declared.variables import ROLES
    from runfold.surfaces.application.governing.definitions import Governing, Who

    return Governing(context.reader, context.writer, Who(user, reason, ROLES.read()), tenant)


def _list(context: Context, kind: str | None, tenant: str | None, *, json: bool) -> None:
    from runfold.surfaces.application.governing.definitions import (
        list_definitions,
        read_definitions,
    )

    rows = list_definitions(read_definitions(context.reader), kind, tenant)
    if json:
        output.as_json(rows)
        return
    columns = ("kind", "name", "version", "tenant", "state", "live", "published", "by")
    shown = [
        (
            each.kind,
            each.name,
            each.version,
            each.tenant or "all",
            each.state,
            each.live,
            each.published_at,
            each.published_by,
        )
        for each in rows
    ]
    output.table(columns, shown, "Nothing is published: see `runfold apply`.")


def _brief(value: object) -> str:
    text = "-" if value is None else value if isinstance(value, str) else str(value)
    return text if len(text) <= 200 else f"{text[:199]}…"
