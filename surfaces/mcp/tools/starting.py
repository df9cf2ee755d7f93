"""Ask for a run: acknowledged once its request is durable, and once for each idempotency key."""

from __future__ import annotations

import hashlib
from typing import Any

from runfold.events.contents.content import canonical_json
from runfold.infra.gateway.asked import Asked
from runfold.producers.client import RequestOptions
from runfold.surfaces.application.errors import NotFoundError
from runfold.surfaces.application.runs.reading.accepted import detail
from runfold.surfaces.http.reading.contents import content_of
from runfold.surfaces.http.refusals.problems import Problem
from runfold.surfaces.mcp.asking import Asking

_ROUTE = "MCP tools/call"


async def start(
    asking: Asking, agent: str, goal: Any, key: str | None = None, thread: str | None = None
) -> str:
    """Return the id of the run that was asked for; raises what ``AsyncRuns.submit`` raises."""
    caller, runs = asking.caller, asking.runs
    if goal is None:
        raise Problem("invalid", "/goal: say what the run is to achieve.")
    said = content_of(goal, "/goal")
    options: RequestOptions = {
        "roles": caller.roles,
        "scopes": caller.run_scopes,
        "data_classification": caller.data_classification,
        "source": "mcp",
    }
    if thread is not None:
        options["thread_id"] = thread
    if key is None:
        return await runs.submit(said, agent, **options)

    async def ask(run_id: str) -> str:
        own: RequestOptions = {**options, "run_id": run_id}
        return await runs.submit(said, agent, **own)

    async def is_there(run_id: str) -> bool:
        try:
            await detail(runs.client, asking.gateway.reader, runs.scope, run_id)
        except NotFoundError:
            return False
        return True

    who = canonical_json([caller.tenant_id, caller.user_id, _ROUTE])
    digest = hashlib.sha256(canonical_json([agent, said.digest.hex(), thread]).encode()).digest()
    asked = Asked(hashlib.sha256(who.encode()).hexdigest(), key, digest)
    return (await asking.gateway.once.submit(asked, ask, is_there)).run_id
