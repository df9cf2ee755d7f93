"""Tokens: what clients prove with in whose name they speak."""

from __future__ import annotations

from typing import Annotated

import typer

from runfold.surfaces.cli import output

token = typer.Typer(help="Tokens that clients sign with.", no_args_is_help=True)

Key = Annotated[
    str, typer.Option("--key", help="The id of the key to sign with; the first without.")
]
Roles = Annotated[
    list[str] | None, typer.Option("--role", help="A role that may be asked for; repeat for more.")
]
Scopes = Annotated[
    list[str] | None,
    typer.Option("--scope", help="A scope that may be asked for; repeat for more."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    token.command("key")(key)
    token.command("issue")(issue)
    token.command("show")(show)
    app.add_typer(token, name="token")


def key(
    name: Annotated[str, typer.Argument(metavar="KEY_ID", help="What tokens call the key.")],
) -> None:
    """Make a key, as a line of the secret credential-keys."""
    from runfold.surfaces.application.governing.tokens import new_line

    typer.echo(new_line(name))


def issue(
    tenant: Annotated[str, typer.Option("--tenant", help="Whom it may speak for; * for all.")],
    user: Annotated[str, typer.Option("--user", help="As which user; * for all.")],
    role: Roles = None,
    scope: Scopes = None,
    valid: Annotated[str, typer.Option("--valid", help="How long, such as 8h or 30d.")] = "8h",
    key: Key = "",
) -> None:
    """Make a token with a key of the secret credential-keys, and print it.

    The secret is read as the run processor reads it: a variable, the folder of secrets, or Vault.
    """
    from datetime import UTC, datetime

    from runfold.surfaces.application.governing.tokens import Wish, issue_token

    wish = Wish(tenant, user, tuple(role or ()), tuple(scope or ()), valid, key)
    typer.echo(str(issue_token(wish, datetime.now(UTC))))


def show() -> None:
    """Show in whose name the token of RUNFOLD_TOKEN speaks, and until when."""
    from runfold.surfaces.application.governing.tokens import own_token

    found = own_token()
    claims = found.claims
    output.console().print(
        f"{claims.user} of {claims.tenant} until {claims.expires_at:%Y-%m-%d %H:%M:%S} UTC\n"
        f"roles {', '.join(claims.roles) or 'none'}, scopes {', '.join(claims.scopes) or 'none'}\n"
        f"token {claims.id} of the key {found.key_id}",
        markup=False,
    )
