"""Wait for a run: report its progress, ask the client's person, and come back in time.

A call that waits holds nothing of the run: where it ends early, because time is up, the client went
away or the gateway ends, the run goes on, and ``get_run`` says how.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from mcp.shared.exceptions import MCPError
from mcp.types import ElicitResult, InputRequiredResult
from pydantic import ValidationError

from runfold.events import run as journal
from runfold.events.values import TERMINAL, RunStatus
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import NotFoundError
from runfold.surfaces.application.runs import async_follow
from runfold.surfaces.application.runs.reading.accepted import detail
from runfold.surfaces.application.runs.reading.history import ended_detail
from runfold.surfaces.http.access.standing import over
from runfold.surfaces.http.metrics import CUT
from runfold.surfaces.mcp.asking import Asking
from runfold.surfaces.mcp.tools.deciding import answer_in, decide_by, form_of, in_a_form
from runfold.surfaces.mcp.tools.results import Ran
from runfold.surfaces.words import shortened

USUAL_WAIT_S = 45.0
LONGEST_WAIT_S = 600.0
_FORM_S = 600.0
_MOST_FORMS = 20
_MOST_STATE = 400


async def where_it_stands(asking: Asking, run_id: str) -> shapes.RunDetail:
    """Return where a run stands, exactly; raises NotFoundError."""
    gateway, caller = asking.gateway, asking.caller
    found = await gateway.ask_if_there(caller, lambda views: ended_detail(views, run_id))
    if found is not None:
        return found
    runs = asking.runs
    return await detail(runs.client, gateway.reader, runs.scope, run_id)


async def wait(
    asking: Asking, run_id: str, seconds: float, resumed: bool = False
) -> Ran | InputRequiredResult:
    """Wait for a run's end, or for what a person must decide and the client cannot ask.

    ``resumed`` is a request that comes again with the answers to forms that it was given.
    """
    asked = 0
    until = time.monotonic() + seconds
    found = await where_it_stands(asking, run_id)
    if resumed:
        await _decide_again(asking, found)
        found = await where_it_stands(asking, run_id)
    async with _until_told_to_end(asking) as unless_ending:
        while found.exit is None:
            open_one = in_a_form(found.waits_for)
            if found.waits_for and (open_one is None or not asking.may_elicit):
                break
            if open_one is not None:
                if asking.modern:
                    return _form_again(found, open_one)
                asked += 1
                if asked > _MOST_FORMS or not await unless_ending(_elicit(asking, found, open_one)):
                    break
                until = max(until, time.monotonic() + seconds)
            elif time.monotonic() >= until or not await unless_ending(
                _follow(asking, found, until)
            ):
                break
            found = await where_it_stands(asking, run_id)
    return ran(found)


def ran(found: shapes.RunDetail) -> Ran:
    """Return what came of a run so far, and what to do next."""
    return Ran(
        run_id=found.run_id,
        agent=found.agent,
        status=found.status.value,
        ended=found.exit is not None,
        exit_code=found.exit.exit_code if found.exit else None,
        payload=found.exit.payload if found.exit else None,
        waits_for=found.waits_for,
        next=_next(found),
        uri=f"runfold://runs/{found.run_id}",
    )


def only_asked_for(run_id: str, agent: str) -> Ran:
    """Return a run that was asked for and may not be shown: its read cannot be put on record."""
    return Ran(
        run_id=run_id,
        agent=agent,
        status=RunStatus.CREATED.value,
        ended=False,
        next=f"Run {run_id} was asked for. Nothing of it is shown, since its read cannot be put on "
        "record now: call get_run with this run_id later.",
        uri=f"runfold://runs/{run_id}",
    )


def _next(found: shapes.RunDetail) -> str:
    run_id = found.run_id
    if found.exit is not None:
        return f"Run {run_id} has ended: {found.exit.status}."
    if not found.waits_for:
        return (
            f"Run {run_id} goes on ({found.status.value}): call get_run with this run_id, and "
            "wait_s to wait for its end."
        )
    said = []
    for each in found.waits_for:
        question = shortened(each.question, 300)
        match each.kind:
            case "approval":
                how = f"approve with run_id {run_id}, call_id {each.call_id} and a decision"
            case "question":
                how = f"answer with run_id {run_id}, question_id {each.call_id} and an answer"
            case _:
                how = "a person, with `runfold` or over HTTP: no tool here decides it"
        said.append(f"{question} Decided by: {how}.")
    return f"Run {run_id} waits for a person. {' '.join(said)}"


async def _follow(asking: Asking, found: shapes.RunDetail, until: float) -> bool:
    """Report events as they come, until the run ends, asks a person, or time is up."""
    left = max(0.05, until - time.monotonic())
    runs = asking.runs
    coming = async_follow.followed(
        runs.client, runs.scope, found.run_id, found.seq, timeout=left, begins_within=left
    )
    try:
        async for event in coming:
            status = event.meta.status
            await asking.progress(event.meta.seq, f"{event.type}: {status.value}")
            if status in TERMINAL or status is RunStatus.WAITING_FOR_HUMAN:
                return True
    except NotFoundError:
        # One that was asked for is there, and has not begun in time.
        return False
    finally:
        await cast(AsyncGenerator[journal.Event], coming).aclose()
    return time.monotonic() < until


async def _elicit(asking: Asking, found: shapes.RunDetail, wait: shapes.Wait) -> bool:
    """Ask the client's person in a form, over the stream of this call."""
    form = form_of(wait, found.agent)
    session, request_id = asking.ctx.session, asking.ctx.request_id
    try:
        async with asyncio.timeout(_FORM_S):
            said = await session.elicit_form(
                form.params.message,
                form.params.requested_schema,  # type: ignore[union-attr]
                related_request_id=request_id,
            )
    except (MCPError, ValidationError, TimeoutError):
        return False
    return await decide_by(asking, found.run_id, wait, said)


def _form_again(found: shapes.RunDetail, wait: shapes.Wait) -> InputRequiredResult:
    """Ask the client to come again with the same request and what its person said."""
    return InputRequiredResult(
        input_requests={wait.call_id: form_of(wait, found.agent)},
        request_state=json.dumps({"run_id": found.run_id}),
    )


def resumed_run(state: str | None) -> str | None:
    """Return the run that a request goes on with that comes again, None for a new request.

    A client may say any run: what it may do with it is asked again, as for a run by its id.
    """
    if state is None or len(state) > _MOST_STATE:
        return None
    with suppress(ValueError, AttributeError):
        run_id = json.loads(state).get("run_id")
        return run_id if isinstance(run_id, str) else None
    return None


async def _decide_again(asking: Asking, found: shapes.RunDetail) -> None:
    """Decide what the answers of a request that comes again say, where it is still open."""
    if not asking.may_elicit:
        return
    given = asking.params.get("inputResponses")
    answers: dict[str, ElicitResult] = {}
    if isinstance(given, dict):
        answers = {
            name: said for name, each in given.items() if (said := answer_in(each)) is not None
        }
    for wait_ in found.waits_for:
        if wait_.call_id in answers and in_a_form((wait_,)) is not None:
            await decide_by(asking, found.run_id, wait_, answers[wait_.call_id])


Unless = Callable[[Coroutine[Any, Any, bool]], Awaitable[bool]]


@asynccontextmanager
async def _until_told_to_end(asking: Asking) -> AsyncIterator[Unless]:
    """Count as a stream that is open, and let a gateway that ends come back at once.

    Raises Problem once the credential of the call is over.
    """
    use = asking.gateway.use
    leave = use.listen(asking.caller.tenant_id)
    ending: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    use.streams.add(ending)
    is_over = False

    def end() -> None:
        nonlocal is_over
        is_over = True
        ending.cancel()

    unwatch = asking.watch(end)

    async def unless_ending(work: Coroutine[Any, Any, bool]) -> bool:
        task = asyncio.create_task(work)
        either: set[asyncio.Future[Any]] = {task, ending}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return task.done() and task.result()
        finally:
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    try:
        yield unless_ending
        if is_over:
            CUT("revoked").inc()
            raise over()
    finally:
        leave()
        unwatch()
        use.streams.discard(ending)
        ending.cancel()
