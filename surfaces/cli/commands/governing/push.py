"""Web push: its keys, and the browsers that persons have subscribed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from runfold.surfaces.cli import options, output
from runfold.surfaces.cli.context import of

if TYPE_CHECKING:
    from types import ModuleType

push = typer.Typer(help="Web push: keys and browsers.", no_args_is_help=True)

Person = Annotated[str, typer.Argument(metavar="PERSON", help="The user id.")]
Tenant = Annotated[str, typer.Option("--tenant", help="The tenant whose key they use.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    push.command("key")(key)
    push.command("browsers")(list_browsers)
    push.command("forget")(forget)
    app.add_typer(push, name="push")


def key(
    public: Annotated[
        bool,
        typer.Option("--public", help="Read a private key, and print its public key alone."),
    ] = False,
) -> None:
    """Print a new key pair: the private key for the store of secrets, the public one for pages.

    With --public the private key is read from standard input.
    """
    try:
        from runfold.infra.http.push.vapid import PushKey, PushKeyError
    except ModuleNotFoundError as missing:
        raise _needs(missing) from missing

    if public:
        try:
            typer.echo(PushKey.read(typer.get_text_stream("stdin").read()).public)
        except PushKeyError as error:
            output.fault(str(error))
            raise typer.Exit(2) from error
        return
    made = PushKey.new()
    typer.echo(f"RUNFOLD_SECRET_WEBPUSH={made.secret()}")
    typer.echo(f"RUNFOLD_PUSH_PUBLIC_KEY={made.public}")


def list_browsers(
    ctx: typer.Context, person: Person, tenant: Tenant, json: options.Json = False
) -> None:
    """List a person's browsers; what lets send to them is not shown."""
    found = _use().listed(of(ctx).attached.database_url, tenant, person)
    if json:
        output.as_json(found)
        return
    rows = [(b.browser_id, b.label, b.service, b.created_at, b.last_ok_at) for b in found]
    columns = ("browser", "label", "service", "added", "last message")
    output.table(columns, rows, "No browsers.")


def forget(ctx: typer.Context, person: Person, tenant: Tenant) -> None:
    """Delete what is kept of a person's browsers: nothing is pushed to them any more."""
    count = _use().removed(of(ctx).attached.database_url, tenant, person)
    output.console().print(f"{count} browsers of {person} were forgotten.", markup=False)


def _use() -> ModuleType:
    try:
        from runfold.surfaces.application.delivery import browsers
    except ModuleNotFoundError as missing:
        raise _needs(missing) from missing
    return browsers


def _needs(missing: ModuleNotFoundError) -> typer.Exit:
    output.fault(f"Web push needs {missing.name}: pip install 'runfold[delivery]'")
    return typer.Exit(2)
