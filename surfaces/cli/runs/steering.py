"""Send a control to a run, or about one of its calls, and show what it led to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

from runfold.surfaces.cli import exits, output
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.faults import CliError
from runfold.surfaces.cli.runs.speaking import Speaking

if TYPE_CHECKING:
    from runfold.events.contents.content import Content
    from runfold.producers.client import RunClient

    Send = Callable[[RunClient, str], str]


def on_run(
    context: Context,
    typed: str,
    send: Send,
    speaks: Speaking,
) -> None:
    """Send a control to a run, show what it led to, and exit."""
    from runfold.surfaces.cli.names import run_id_of
    from runfold.surfaces.cli.runs.outcome import show_outcome

    run_id = run_id_of(context, typed, speaks.tenant)
    with output.waiting("the run processor to take it"):
        runs = context.runs(speaks.tenant, speaks.user, _roles(context, speaks.role))
        outcome = runs.steer(run_id, lambda client: send(client, run_id))
    raise typer.Exit(show_outcome(outcome, json=speaks.json))


def on_call(
    context: Context,
    typed: str,
    send: Callable[[RunClient, str, str], str],
    speaks: Speaking,
) -> None:
    """Send a control about a call, show what it led to, and exit."""
    from runfold.surfaces.cli.names import call_id_of
    from runfold.surfaces.cli.runs.outcome import show_outcome

    run_id, call_id = call_id_of(context, typed, speaks.tenant)
    runs = context.runs(speaks.tenant, speaks.user, _roles(context, speaks.role))
    with output.waiting("the run processor to take it"):
        outcome = runs.steer(run_id, lambda client: send(client, run_id, call_id))
    raise typer.Exit(show_outcome(outcome, json=speaks.json))


def _roles(context: Context, given: list[str] | None) -> tuple[str, ...]:
    """Return the roles that somebody named, else those of the environment, else of the token."""
    from runfold.infra.credentials.signing import granted_roles
    from runfold.infra.settings.declared.variables import ROLES

    return tuple(given or ()) or ROLES.read() or granted_roles(context.signer)


def json_content_of(text: str) -> Content:
    """Return JSON that somebody typed; a name that comes twice could mean either value."""
    import json

    from runfold.events.contents.content import json_content

    try:
        return json_content(json.loads(text, object_pairs_hook=_once))
    except (ValueError, RecursionError) as error:
        raise CliError(f"This is not JSON: {error}.", exits.USAGE) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice in one object")
    return found
