"""What a withdrawal or a kill switch forbids to a run that is live: its next call [131]."""

from __future__ import annotations

from runfold.events.definitions import Definitions
from runfold.events.values import ErrorInfo
from runfold.processors.run.behaviour import BY_TENANT
from runfold.processors.run.draft import Draft
from runfold.processors.run.policy.models import names_of_model
from runfold.processors.run.state import Live


def withdrawn_tool(draft: Draft, tool: str) -> str | None:
    """Return why a tool may not be called any more, None where it may."""
    pin = next((pin for pin in draft.run.pinned.tools if pin.name == tool), None)
    if pin is None:
        return None
    known, tenant = draft.env.definitions, draft.run.tenant_id
    if draft.behaviour >= BY_TENANT and known.stopped("tool", pin.name, tenant):
        return draft.model("tool_stopped", tool=pin.name)
    if draft.behaviour >= BY_TENANT and (stopped := _stopped(draft, "tenant", "agent")):
        return draft.model("run_stopped", what=stopped)
    if known.stops_live_runs("tool", pin.name, pin.version, tenant) is None:
        return None
    return draft.model("tool_withdrawn", tool=f"{pin.name}@{pin.version}")


def withdrawn_agent(draft: Draft) -> ErrorInfo | None:
    """Return why the run's agent may not call its model any more, None where it may."""
    pin = draft.run.agent
    known, tenant = draft.env.definitions, draft.run.tenant_id
    if draft.behaviour >= BY_TENANT and (stopped := _stopped(draft, "tenant", "agent", "model")):
        return ErrorInfo(
            error_type="stopped",
            message=draft.people("stopped", what=stopped),
            retryable=True,
            suggested_next_action=draft.people("wait_for_the_switch"),
        )
    if known.stops_live_runs("agent", pin.name, pin.version, tenant) is None:
        return None
    return ErrorInfo(
        error_type="withdrawn_agent",
        message=draft.people("agent_withdrawn", agent=f"{pin.name}@{pin.version}"),
        retryable=False,
        suggested_next_action=draft.people("run_another_version"),
    )


def fallbacks_of(run: Live, named: tuple[str, ...], known: Definitions) -> tuple[str, ...]:
    """Return of these models, which may answer in place of the agent's own, those nothing stops."""
    if run.behaviour < BY_TENANT:
        return named
    return tuple(model for model in named if known.stopped("model", model, run.tenant_id) is None)


def _stopped(draft: Draft, *kinds: str) -> str | None:
    """Return what of these a switch stops, such as ``agent clerk``."""
    run, known = draft.run, draft.env.definitions
    names: dict[str, tuple[str, ...]] = {
        "tenant": (run.tenant_id,),
        "agent": (run.agent.name,),
    }
    if "model" in kinds:
        names["model"] = names_of_model(draft)
    pairs = ((kind, name) for kind in kinds for name in names[kind])
    found = (pair for pair in pairs if known.stopped(*pair, run.tenant_id))
    return next((f"{kind} {name}" for kind, name in found), None)
