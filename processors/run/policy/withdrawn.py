"""What a withdrawal forbids to a run that is live: the next call of what was withdrawn."""

from __future__ import annotations

from runfold.events.values import ErrorInfo
from runfold.processors.run.draft import Draft


def withdrawn_tool(draft: Draft, tool: str) -> str | None:
    """Return why a tool may not be called any more, None where it may."""
    pin = next((pin for pin in draft.run.pinned.tools if pin.name == tool), None)
    if pin is None:
        return None
    known, tenant = draft.env.definitions, draft.run.tenant_id
    if known.stops_live_runs("tool", pin.name, pin.version, tenant) is None:
        return None
    return draft.model("tool_withdrawn", tool=f"{pin.name}@{pin.version}")


def withdrawn_agent(draft: Draft) -> ErrorInfo | None:
    """Return why the run's agent may not call its model any more, None where it may."""
    pin = draft.run.agent
    known, tenant = draft.env.definitions, draft.run.tenant_id
    if known.stops_live_runs("agent", pin.name, pin.version, tenant) is None:
        return None
    return ErrorInfo(
        error_type="withdrawn_agent",
        message=draft.people("agent_withdrawn", agent=f"{pin.name}@{pin.version}"),
        retryable=False,
        suggested_next_action=draft.people("run_another_version"),
    )
