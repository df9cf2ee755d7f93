"""Tenants whose runs need money, permits and people: their agents, policies and texts of rules.

What people do to these runs is in ``steering.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from runfold.events.definitions import PolicyDefinition, ScriptTurn, TenantPolicy
from runfold.events.definitions.agents.agent import MoreAmounts, WhenSpent
from runfold.events.definitions.agents.brakes import Brake
from runfold.events.definitions.agents.escalation import Escalation, Escalations, EscalationStep
from runfold.events.values import Limits
from runfold.processors.run.policy.cedar.checking import canonical
from tests.system.torture.simulation.tenants import RATES, USAGE

TENANTS = ("ruled-0", "ruled-1")
"""The tenants of these runs, in turn."""

EXTENDING, ASKING = "governed", "steered"
GOVERNED = frozenset({EXTENDING, ASKING})
"""Shapes whose runs are those of these tenants; ``steered`` ones are taken over and braked."""

PRICES = json.dumps({f"scripted:torture-{shape}": RATES for shape in sorted(GOVERNED)})

SEND, FILE, LOOK = "world.send", "world.file", "world.look"
GATE = "gate"
"""The name of the policy of which a version is in force at a time."""

MORE = "0.009332866662"
"""What two answers cost: what a run asks for that has met its limit."""

LIMITS = Limits.model_validate({"max_cost": "0.023332166655", "max_tool_calls": 12})
"""What five answers cost, to the last digit; the scripts have more turns than that."""

POLICY = TenantPolicy.model_validate(
    {
        "name": "default",
        "version": "1.0.0",
        "caps": [{"of": "tenant", "running": 10}],
        "budgets": [
            {
                "of": "tenant",
                "period": "month",
                "limit": "1.2",
                "soft": "0.6",
                "when_spent": "refuse",
            },
            {"of": "user", "period": "day", "limit": "0.7", "when_spent": "refuse"},
            {"of": "tenant", "unit": "tool_calls", "period": "day", "limit": 700},
        ],
        "queue_timeout_ms": 20_000,
    }
)

_OPEN = """\
@id("calls") permit(principal, action == Action::"tool.call", resource);

@id("sends") @approvers("2") @requester("never")
permit(principal, action == Action::"tool.call", resource == Tool::"world.send");

@id("approvers")
permit(principal in Role::"approver", action == Action::"tool.approve",
  resource == Tool::"world.send");

@id("operators")
permit(principal in Role::"operator", action == Action::"run.control", resource);
"""
_REVOKED = {
    "tool": '@id("revoked") forbid(principal, action == Action::"tool.call",'
    ' resource == Tool::"{}");\n',
    "model": '@id("revoked") forbid(principal, action == Action::"model.use",'
    ' resource == Model::"{}");\n',
}
_FORBIDS = re.compile(r'forbid\s*\([^)]*resource\s*==\s*(Tool|Model)::"([^"]+)"')


def gate(version: int, *forbidden: str) -> PolicyDefinition:
    """Return a version of the policy that forbids these: ``tool/NAME`` or ``model/NAME``."""
    rules = [_OPEN]
    for each in forbidden:
        kind, _, name = each.partition("/")
        rules.append(_REVOKED[kind].format(name))
    return PolicyDefinition(name=GATE, version=f"1.0.{version}", cedar=canonical("\n".join(rules)))


def forbidden_by(cedar: str) -> Iterator[tuple[str, str]]:
    """Yield what the rules of a version forbid, as kind and name."""
    for kind, name in _FORBIDS.findall(cedar):
        yield kind.lower(), name


def tenant_of(number: int) -> str:
    """Return whose the run of a number is."""
    return TENANTS[number % len(TENANTS)]


def user_of(number: int) -> str:
    """Return who asks for the run of a number."""
    return f"asker-{number // len(TENANTS) % 2}"


def _turn(*calls: dict[str, Any], delay_ms: int = 0) -> ScriptTurn:
    return ScriptTurn(calls=calls, usage=USAGE, delay_ms=delay_ms)


def _call(tool: str, **arguments: Any) -> dict[str, Any]:
    return {"name": tool, "arguments": arguments}


def _filed(text: str) -> dict[str, Any]:
    return _call(FILE, text=f"{text} {{{{ goal }}}}")


_SAME = _call(LOOK, what="the same")
_END = _turn(_call("complete_task", summary="{{ goal }}"))

SCRIPTS = {
    EXTENDING: (
        _turn(_call(LOOK, what="{{ goal }}"), _call(SEND, amount=1)),
        _turn(_filed("first"), delay_ms=150),
        _turn(_filed("second"), _call(SEND, amount=2)),
        _turn(_filed("third"), delay_ms=100),
        _turn(_call("world.queue", amount=3)),
        _turn(_call(LOOK, what="again {{ goal }}")),
        _END,
    ),
    ASKING: (
        _turn(_SAME, delay_ms=300),
        _turn(_SAME, _filed("once")),
        _turn(_SAME, delay_ms=300),
        _turn(_call("world.queue", amount=4), delay_ms=300),
        _turn(_filed("twice"), _call("world.pay", amount=5)),
        _turn(_call(LOOK, what="more"), delay_ms=200),
        _END,
    ),
}


def extras(shape: str) -> dict[str, Any]:
    """Return what the agent of such a shape declares beside what all agents here do."""
    if shape not in GOVERNED:
        return {}
    by_itself = shape == EXTENDING
    return {
        "limits": LIMITS.model_copy(update={"max_model_calls": 60, "max_identical_calls": 20}),
        "when_spent": WhenSpent(
            action="extend" if by_itself else "ask",
            more=MoreAmounts.model_validate({"usd": MORE}),
            times=1,
        ),
        "escalation": Escalations(
            approvals=Escalation(
                ask=("role/approver",),
                steps=(EscalationStep(after_ms=1500, ask=("user/ann", "role/duty")),),
                end="deny",
                end_ms=1500,
            ),
        ),
        "brakes": {}
        if by_itself
        else {"same_calls": Brake.model_validate({"threshold": 3, "reactions": ["ask"]})},
    }
