"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer


def _claimed(ctx: typer.Context, param: typer.CallbackParam, value: str) -> str:
    """Return what the command line or its variable says, else in whose name the token speaks."""
    source = ctx.get_parameter_source(str(param.name))
    if (source is not None and source.name != "DEFAULT") or ctx.resilient_parsing:
        return value
    from runfold.infra.credentials.signing import named, signer_of

    signer = signer_of()
    claimed = getattr(signer.token.claims, str(param.name)) if signer else None
    return named(None, claimed, value)


Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or the beginning of one.")]
Call = Annotated[str, typer.Argument(metavar="CALL", help="A call's id: RUN.N, RUN may be short.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is put on record.")]
Tenant = Annotated[
    str,
    typer.Option(
        "--tenant", envvar="RUNFOLD_TENANT", help="In whose name: the tenant.", callback=_claimed
    ),
]
Narrow = Annotated[
    str | None,
    typer.Option("--tenant", envvar="RUNFOLD_TENANT", help="Only of this tenant; of all without."),
]
User = Annotated[
    str,
    typer.Option(
        "--user", envvar="RUNFOLD_USER", help="In whose name: the user.", callback=_claimed
    ),
]
UserOrBy = Annotated[
    str,
    typer.Option(
        "--user", "--by", envvar="RUNFOLD_USER", help="In whose name: the user.", callback=_claimed
    ),
]
"""Of commands that act on what is there: it is also who did it."""

Roles = Annotated[
    list[str] | None,
    typer.Option("--role", help="A role of the user, for policies; may be given again."),
]
Shown = Annotated[
    str | None,
    typer.Option("--digest", help="What you were shown: the digest that `approvals` prints."),
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many at most.")]
