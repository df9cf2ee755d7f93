"""What people do to a live run; each command waits until the journal shows the effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from runfold.surfaces.cli import exits, options, output
from runfold.surfaces.cli.context import Context, of
from runfold.surfaces.cli.faults import CliError

if TYPE_CHECKING:
    from runfold.events.content import Content
    from runfold.producers.client import RunClient

    Send = Callable[[RunClient, str], str]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (
        approvals, approve, deny, answer, resolve, pause, resume, cancel, extend, tell, instruct,
    ):  # fmt: skip
        app.command()(command)


def approvals(
    ctx: typer.Context,
    run: Annotated[str | None, typer.Option("--run", help="Only of this run.")] = None,
    tenant: options.Narrow = None,
    json: options.Json = False,
) -> None:
    """List what waits for a person."""
    from runfold.surfaces.application.runs.inbox import approvals as waiting
    from runfold.surfaces.cli.names import run_id_of
    from runfold.surfaces.cli.runs.approvals import show_approvals

    context = of(ctx)
    run_id = run_id_of(context, run, tenant) if run else None
    with context.views(tenant) as views:
        found = waiting(views, run_id)
    show_approvals(found, json=json)


def approve(
    ctx: typer.Context,
    call: options.Call,
    reason: options.Reason = "",
    arguments: Annotated[
        str | None, typer.Option(help="JSON to put in place of the proposed arguments.")
    ] = None,
    tenant: options.Narrow = None,
    user: options.User = "me",
    json: options.Json = False,
) -> None:
    """Let a proposed tool call run, with edited arguments where given."""
    edited = _json_content(arguments)

    def send(client: RunClient, run_id: str, call_id: str) -> str:
        return client.approve(run_id, call_id, edited, reason or None)

    _on_call(of(ctx), call, send, tenant=tenant, user=user, json=json)


def deny(
    ctx: typer.Context,
    call: options.Call,
    reason: options.Reason = "a person said no",
    tenant: options.Narrow = None,
    user: options.User = "me",
    json: options.Json = False,
) -> None:
    """Refuse a proposed tool call; the model is told the reason."""

    def send(client: RunClient, run_id: str, call_id: str) -> str:
        return client.deny(run_id, call_id, reason)

    _on_call(of(ctx), call, send, tenant=tenant, user=user, json=json)


def answer(
    ctx: typer.Context,
    question: Annotated[str, typer.Argument(help="The question's id: RUN.N.")],
    text: Annotated[str, typer.Argument(help="The answer.")],
    tenant: options.Narrow = None,
    user: options.User = "me",
    json: options.Json = False,
) -> None:
    """Answer what the agent asked."""

    def send(client: RunClient, run_id: str, call_id: str) -> str:
        return client.answer(run_id, call_id, text)

    _on_call(of(ctx), question, send, tenant=tenant, user=user, json=json)


def resolve(
    ctx: typer.Context,
    call: options.Call,
    happened: Annotated[
        bool | None,
        typer.Option("--happened/--did-not-happen", help="What you found out about it."),
    ] = None,
    result: Annotated[str | None, typer.Option(help="Its result as JSON, if it happened.")] = None,
    reason: options.Reason = "",
    tenant: options.Narrow = None,
    user: options.User = "me",
    json: options.Json = False,
) -> None:
    """Record whether an uncertain call happened."""
    from runfold.events.commands import Resolution

    if happened is None:
        raise CliError("Say --happened or --did-not-happen.", exits.USAGE)
    how = Resolution.HAPPENED if happened else Resolution.DID_NOT_HAPPEN
    told = _json_content(result)

    def send(client: RunClient, run_id: str, call_id: str) -> str:
        return client.resolve(run_id, call_id, how, told, reason or None)

    _on_call(of(ctx), call, send, tenant=tenant, user=user, json=json)


def pause(
    ctx: typer.Context,
    run: options.Run,
    reason: options.Reason = "",
    tenant: options.Narrow = None,
    user: options.User = "me",
    json: options.Json = False,
) -> None:
    """Make no new call until resumed; calls in flight still return."""
    _on_run(of(ctx), run, lambda c, r: c.pause(r, reason), tenant=tenant, user=user, json=json)


def resume(
    ctx: typer.Context,
    run: options.Run,
    reason: options.Reason = "",
    tenant: options.Narrow = None,
    user: options.User = "me",
    json: options.Json = False,
) -> None:
    """Let a paused run go on."""
    _on_run(of(ctx), run, lambda c, r: c.resume(r, reason), tenant=tenant, user=user, json=json)


def cancel(
    ctx: typer.Context,
    run: options.Run,
    reason: options.Reason = "",
    tenant: options.Narrow = None,
    user: options.User = "me",
    json: options.Json = False,
) -> None:
    """End a run."""
    _on_run(of(ctx), run, lambda c, r: c.cancel(r, reason), tenant=tenant, user=user, json=json)


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
    tenant: options.Narrow = None,
    user: Annotated[
        str,
        typer.Option("--user", "--by", envvar="RUNFOLD_USER", help="In whose name: the user."),
    ] = "me",
    json: options.Json = False,
) -> None:
    """Let a run use more than its limits allow, as far as its tenant has it; or refuse that."""
    from runfold.surfaces.application.runs.submit import more_of

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

    _on_run(of(ctx), run, send, tenant=tenant, user=user, json=json)


def tell(
    ctx: typer.Context,
    run: options.Run,
    text: Annotated[str, typer.Argument(help="What to say to it.")],
    tenant: options.Narrow = None,
    user: options.User = "me",
    json: options.Json = False,
) -> None:
    """Say something to a run; the model reads it at its next turn."""
    _on_run(of(ctx), run, lambda c, r: c.tell(r, text), tenant=tenant, user=user, json=json)


def instruct(
    ctx: typer.Context,
    run: options.Run,
    text: Annotated[str, typer.Argument(help="The instructions from here on.")],
    tenant: options.Narrow = None,
    user: options.User = "me",
    json: options.Json = False,
) -> None:
    """Replace a run's instructions from here on."""
    _on_run(of(ctx), run, lambda c, r: c.instruct(r, text), tenant=tenant, user=user, json=json)


def _on_run(
    context: Context, typed: str, send: Send, *, tenant: str | None, user: str, json: bool
) -> None:
    from runfold.surfaces.cli.names import run_id_of
    from runfold.surfaces.cli.runs.outcome import show_outcome

    run_id = run_id_of(context, typed, tenant)
    with output.waiting("the run processor to take it"):
        outcome = context.runs(tenant, user).steer(run_id, lambda client: send(client, run_id))
    raise typer.Exit(show_outcome(outcome, json=json))


def _on_call(
    context: Context,
    typed: str,
    send: Callable[[RunClient, str, str], str],
    *,
    tenant: str | None,
    user: str,
    json: bool,
) -> None:
    from runfold.surfaces.cli.names import call_id_of
    from runfold.surfaces.cli.runs.outcome import show_outcome

    run_id, call_id = call_id_of(context, typed, tenant)
    runs = context.runs(tenant, user)
    with output.waiting("the run processor to take it"):
        outcome = runs.steer(run_id, lambda client: send(client, run_id, call_id))
    raise typer.Exit(show_outcome(outcome, json=json))


def _json_content(text: str | None) -> Content | None:
    import json

    from runfold.events.content import json_content

    if text is None:
        return None
    try:
        return json_content(json.loads(text))
    except ValueError as error:
        raise CliError(f"This is not JSON: {error}.", exits.USAGE) from error
