"""Let a run use more, or let it end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from runfold.surfaces.cli import exits, options
from runfold.surfaces.cli.context import of
from runfold.surfaces.cli.faults import CliError
from runfold.surfaces.cli.runs.speaking import Speaking, steers
from runfold.surfaces.cli.runs.steering import on_run

if TYPE_CHECKING:
    from runfold.producers.client import RunClient


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(extend)


@steers
def extend(
    ctx: typer.Context,
    run: options.Run,
    usd: Annotated[str | None, typer.Option("--usd", help="US dollars more.")] = None,
    tokens: Annotated[int | None, typer.Option(min=1, help="Tokens more.")] = None,
    tool_calls: Annotated[int | None, typer.Option(min=1, help="Tool calls more.")] = None,
    model_calls: Annotated[int | None, typer.Option(min=1, help="Model calls more.")] = None,
    retries: Annotated[int | None, typer.Option(min=1, help="Retries more.")] = None,
    no: Annotated[
        bool, typer.Option("--no", help="Give nothing: a run that waits for more ends.")
    ] = False,
    reason: options.Reason = "",
    *,
    speaks: Speaking,
) -> None:
    """Let a run use more than its limits allow, as far as its tenant has it; or refuse that."""
    from runfold.surfaces.application.runs.asking.submit import more_of

    said = {
        "usd": usd,
        "tokens": tokens,
        "tool_calls": tool_calls,
        "model_calls": model_calls,
        "retries": retries,
    }
    given = {unit: much for unit, much in said.items() if much is not None}
    if no and given:
        raise CliError("--no gives nothing: say it without amounts.", exits.USAGE)
    added = {} if no else more_of(given)

    def send(client: RunClient, run_id: str) -> str:
        if no:
            return client.deny_extension(run_id, reason)
        return client.extend(run_id, added, reason)

    on_run(of(ctx), run, send, speaks)
