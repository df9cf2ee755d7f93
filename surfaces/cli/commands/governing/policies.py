"""Policies: their tests, what they decided, what others would have, who could do what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runfold.surfaces.cli import options
from runfold.surfaces.cli.commands.running.runs import since_of
from runfold.surfaces.cli.context import of

policy = typer.Typer(
    help="Policies: their tests, what they decided, and what they would.", no_args_is_help=True
)

Files = Annotated[
    list[Path] | None, typer.Argument(metavar="[FILE]", help="Manifests, or folders of them.")
]
As = Annotated[
    str | None,
    typer.Option("--tenant", envvar="RUNFOLD_TENANT", help="As this tenant sees them."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    policy.command("test")(run_tests)
    policy.command()(explain)
    policy.command()(simulate)
    policy.command("who-can")(who_can)
    app.add_typer(policy, name="policy")


def run_tests(
    ctx: typer.Context,
    files: Files = None,
    published: Annotated[
        bool,
        typer.Option("--published", help="The files may name tools that are published already."),
    ] = False,
    tenant: As = None,
    json: options.Json = False,
) -> None:
    """Check the policies of files and run their tests; without files, of those in force."""
    from runfold.surfaces.cli.operations.governing.policies import show_tests

    raise typer.Exit(show_tests(of(ctx), files or [], tenant, published=published, json=json))


def explain(
    ctx: typer.Context,
    call: options.Call,
    tenant: options.Narrow = None,
    json: options.Json = False,
) -> None:
    """Explain each decision on a call: by which rules, on what, decided again then and now."""
    from runfold.surfaces.cli.operations.governing.policies import show_explanation

    show_explanation(of(ctx), call, tenant, json=json)


def simulate(
    ctx: typer.Context,
    files: Files = None,
    since: Annotated[str | None, typer.Option(help="Calls since, such as 7d, 12h, 30m.")] = None,
    tenant: As = None,
    json: options.Json = False,
) -> None:
    """Count the recorded calls that the policies of now, and of files, would decide otherwise."""
    from runfold.surfaces.cli.operations.governing.policies import show_simulation

    show_simulation(of(ctx), files or [], since_of(since), tenant, json=json)


def who_can(
    ctx: typer.Context,
    action: Annotated[str, typer.Argument(metavar="ACTION", help="Such as tool.call or read.")],
    resource: Annotated[
        str, typer.Argument(metavar="RESOURCE", help="Such as mail.send or Namespace::production.")
    ],
    tenant: options.Tenant = "default",
    user: Annotated[str, typer.Option("--as-user", help="In whose name agents act.")] = "somebody",
    role: Annotated[
        list[str] | None, typer.Option("--role", help="A role of that user; may be repeated.")
    ] = None,
    json: options.Json = False,
) -> None:
    """List which agents may do something, may not, or may where the circumstances allow it."""
    from runfold.surfaces.cli.operations.governing.policies import show_grants

    show_grants(of(ctx), action, resource, tenant, user, tuple(role or ()), json=json)
