"""API keys: what clients of the gateway show to be let in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from runfold.surfaces.cli import options, output
from runfold.surfaces.cli.context import of

if TYPE_CHECKING:
    from runfold.surfaces.application.governing.api_keys import ApiKeys

keys = typer.Typer(help="API keys of the gateway.", no_args_is_help=True)

KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="The key, as `keys list` shows it.")]
Valid = Annotated[
    str, typer.Option("--valid", help="How long, such as 8h or 90d; with '' it does not end.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    keys.command("create")(create)
    keys.command("list")(list_keys)
    keys.command("rotate")(rotate)
    keys.command("revoke")(revoke)
    app.add_typer(keys, name="keys")


def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What people call it, such as `billing`.")],
    tenant: Annotated[str, typer.Option("--tenant", help="Whose runs it asks for and sees.")],
    user: Annotated[str, typer.Option("--user", help="In whose name.")],
    role: Annotated[
        list[str] | None, typer.Option("--role", help="A role of the user; repeat for more.")
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope", help="What it may do, or a scope of its runs; repeat for more. * is all."
        ),
    ] = None,
    valid: Valid = "90d",
    json: options.Json = False,
) -> None:
    """Make a key and print it: it is shown once, and nobody can show it again."""
    from datetime import UTC, datetime

    from runfold.surfaces.application.governing.api_keys import KeyWish

    wish = KeyWish(name, tenant, user, tuple(role or ()), tuple(scope or ("*",)), valid)
    made, said = _keys(ctx).create(wish, datetime.now(UTC))
    _show_new(str(made), said.key_id, said, json=json)


def list_keys(
    ctx: typer.Context,
    tenant: options.Narrow = None,
    json: options.Json = False,
) -> None:
    """List keys, the oldest first; of none is the secret kept."""
    found = _keys(ctx).list(tenant)
    if json:
        output.as_json(found)
        return
    rows = [
        (
            each.key_id,
            each.name,
            f"{each.user_id} of {each.tenant_id}",
            each.state,
            each.expires_at,
            each.last_used_at,
            each.last_refused_at,
            ", ".join(each.scopes),
        )
        for each in found
    ]
    heads = ("key", "name", "who", "state", "until", "last used", "last refused", "scopes")
    output.table(heads, rows, "No keys yet.")


def rotate(
    ctx: typer.Context,
    key: KeyId,
    overlap: Annotated[
        str, typer.Option("--overlap", help="How long the old one still lets in; 0 for not at all.")
    ] = "1d",
    valid: Valid = "90d",
    json: options.Json = False,
) -> None:
    """Make a key with the same grants, and let the old one in for a while longer."""
    from datetime import UTC, datetime

    made, said = _keys(ctx).rotate(key, overlap, datetime.now(UTC), valid)
    _show_new(str(made), said.key_id, said, json=json)


def revoke(ctx: typer.Context, key: KeyId) -> None:
    """Let a key in no more: within five seconds no gateway does."""
    from datetime import UTC, datetime

    _keys(ctx).revoke(key, datetime.now(UTC))
    output.console().print(f"The key {key} lets nobody in any more.", markup=False)


def _show_new(key: str, key_id: str, said: object, *, json: bool) -> None:
    if json:
        output.as_json({"key": key, "kept": said})
        return
    typer.echo(key)
    typer.echo(f"Keep it: it is not shown again. Its id is {key_id}.", err=True)


def _keys(ctx: typer.Context) -> ApiKeys:
    from runfold.infra.gateway.postgres import PostgresKeyStore, Sessions
    from runfold.infra.settings.declared.gateway import HTTP_HASH_KEY_FILE
    from runfold.surfaces.application.governing.api_keys import ApiKeys, hash_key_in

    settings = of(ctx).attached
    file = HTTP_HASH_KEY_FILE.read() or settings.home / "gateway" / "hash-key"
    return ApiKeys(PostgresKeyStore(Sessions(settings.database_url)), hash_key_in(file))
