"""What policy servers are told of a call: the same facts that rules see, as plain JSON.

Amounts of money are texts, so that no reader rounds them.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

from runfold.events.contents.content import Content, json_content
from runfold.events.definitions import AgentDefinition, ToolContract
from runfold.processors.run.policy.cedar.names import TOOL_CALL
from runfold.processors.run.policy.cedar.request import Circumstances, tool_entity
from runfold.processors.run.policy.cedar.values import arguments_of, shown


def input_of(
    agent: AgentDefinition, contract: ToolContract, arguments: Content, circumstances: Circumstances
) -> Content:
    """Return the input of a question; of the arguments it holds those that policies look at.

    Raises UnjudgeableError for one that is not of its declared type.
    """
    looks = contract.policy is not None or contract.policy_arguments
    given = arguments_of(arguments) if looks else {}
    seen = {name: given[name] for name in shown(contract, given)}
    request = circumstances.request
    said: dict[str, Any] = {
        "action": TOOL_CALL,
        "principal": {"agent": agent.name, "version": agent.version, "role": _role(agent)},
        "user": {
            "id": request.user_id,
            "roles": list(request.roles),
            "scopes": list(request.scopes),
        },
        "tenant": request.tenant_id,
        "tool": {"name": contract.name, **dict(tool_entity(contract).attributes)},
        "arguments": seen,
        "context": _context(circumstances),
    }
    if contract.policy is not None:
        about = contract.policy.resource
        resource = {"type": about.type, "id": given.get(about.argument)}
        said["as"] = {"action": contract.policy.action, "resource": resource}
    return json_content(said)


def _role(agent: AgentDefinition) -> str | None:
    return agent.labels.get("role")


def _context(circumstances: Circumstances) -> dict[str, Any]:
    used, now = circumstances.used, circumstances.now.astimezone(UTC)
    return {
        "classification": circumstances.request.data_classification.value,
        "taint": list(circumstances.taint),
        "cost": f"{used.cost.normalize():f}",
        "step": used.step,
        "model_calls": used.model_calls,
        "tool_calls": used.tool_calls,
        "time": int(now.timestamp()),
        "hour": now.hour,
        "weekday": now.isoweekday(),
    }
