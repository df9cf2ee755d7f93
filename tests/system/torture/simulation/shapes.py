"""The runs under torture: one agent a shape, each played from a script."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.contents.content import text
from runfold.events.definitions import (
    AgentDefinition,
    Definition,
    ModelChoice,
    ModelScript,
    ScriptTurn,
    ToolContract,
)
from runfold.events.records.commands import RunRequested
from runfold.events.values import Limits
from runfold.processors.definitions.follower import DefinitionFollower
from runfold.processors.definitions.kafka import KafkaDefinitionLog
from runfold.processors.definitions.publisher import Author, publish
from runfold.processors.tool import contract_of
from runfold.producers.identity import uuid7
from runfold.producers.log.kafka import Publisher
from runfold.stack.settings import Settings
from tests.system.torture.simulation import governed
from tests.system.torture.simulation.tenants import (
    ADMITTED,
    POLICY,
    TENANTS,
    USAGE,
    limits_of,
    tenant_of,
    user_of,
)
from tests.system.torture.simulation.tools import TOOLS

CODEC = Codec(LockRegistry())
TENANT = "torture"

_WHAT = {"what": "{{ goal }}"}
_TEXT = {"text": "{{ goal }}"}
_PAY: dict[str, Any] = {"name": "world.pay", "arguments": {"amount": 7}}
_LOOK: dict[str, Any] = {"name": "world.look", "arguments": _WHAT}
_FETCH: dict[str, Any] = {"name": "world.fetch", "arguments": _WHAT}
_NOTE: dict[str, Any] = {"name": "world.note", "arguments": _TEXT}
_END = ScriptTurn(calls=({"name": "complete_task", "arguments": {"summary": "{{ goal }}"}},))


def _turn(*calls: dict[str, Any]) -> ScriptTurn:
    return ScriptTurn(calls=calls)


def _priced(*turns: ScriptTurn) -> tuple[ScriptTurn, ...]:
    return tuple(turn.model_copy(update={"usage": USAGE}) for turn in turns)


def _look_at(number: int) -> dict[str, Any]:
    return {"name": "world.look", "arguments": {"what": f"{number}"}}


_PASSING = ScriptTurn(error={"type": "overloaded", "message": "later", "retryable": True})

SHAPES: dict[str, tuple[ScriptTurn, ...]] = {
    "straight": (_turn(_LOOK), _turn(_PAY), _END),
    "told": (_turn(_LOOK, {"name": "world.tell", "arguments": _WHAT}), _turn(_PAY), _END),
    "busy": (*(_turn(_LOOK, _look_at(number)) for number in range(6)), _END),
    "parallel": (_turn(_LOOK, _FETCH, _NOTE, _PAY), _END),
    "retries": (
        _PASSING,
        _turn(_FETCH, {"name": "world.hang", "arguments": _WHAT}),
        _turn(_PAY),
        _END,
    ),
    "approved": (_turn({"name": "world.file", "arguments": _TEXT}), _turn(_PAY), _END),
    "twofold": (
        _turn({"name": "world.file", "arguments": _TEXT}),
        _turn({"name": "world.file", "arguments": {"text": "again {{ goal }}"}}),
        _END,
    ),
    "meddled": (
        _turn(_LOOK, {"name": "world.file", "arguments": _TEXT}),
        ScriptTurn(calls=(_NOTE,), delay_ms=300),
        _turn(_PAY),
        _END,
    ),
    "doubtful": (
        _turn({"name": "world.break", "arguments": {"amount": 3}}),
        _turn({"name": "world.stall", "arguments": {"amount": 4}}, _LOOK),
        _END,
    ),
    "twice": (_turn({"name": "world.twice", "arguments": _WHAT}, _FETCH), _turn(_PAY), _END),
}


def _only(tool: str, **arguments: Any) -> tuple[ScriptTurn, ...]:
    """Return one call of one tool, and the end."""
    return (_turn({"name": tool, "arguments": arguments or _WHAT}), _END)


_ASKED_FOR = {
    "deadly": (_turn(_LOOK, {"name": "world.die", "arguments": _WHAT}), _turn(_PAY), _END),
    "regretted": _only("world.queue", amount=1),
    "withdrawn": _only("world.peek"),
    "slow": _only("world.slow"),
    "quick": _only("world.quick"),
    "trying": _only("world.try"),
    "once": _only("world.once", amount=2),
    "lasting": _only("world.last", amount=3),
    "timed": (_PASSING, _turn(_FETCH), _turn(_PAY), _END),
    "admitted": _priced(
        _turn(_LOOK, _PAY), _turn({"name": "world.file", "arguments": _TEXT}), _END
    ),
    "switched": _priced(
        _turn({"name": "world.queue", "arguments": {"amount": 1}}, _FETCH),
        _turn({"name": "world.queue", "arguments": {"amount": 2}}),
        _END,
    ),
    **governed.SCRIPTS,
}
"""Shapes that are drawn only where they are named: they harm what runs beside them, or belong to a
world of their own."""

PROVIDED = "provided"
"""The shape whose model is a provider's, which may be away."""

REGRETTED = ("torture-regretted", "torture-withdrawn")
"""Agents most of whose runs are cancelled while their call is queued."""

_TIMED = {"timed": 600_000}
"""Limits of duration by shape, in ms: a clock that is set by hours passes them."""

_WEIGHTS = {"doubtful": 1, "busy": 1, "retries": 2, "deadly": 1}


def shape_of(choice: Random, among: str = "") -> str:
    """Draw a shape, from those that are named if any are; those that take long are rarer."""
    names = among.split(",") if among else list(SHAPES)
    return choice.choices(names, [_WEIGHTS.get(name, 3) for name in names])[0]


def definitions(ledger: Path) -> list[Definition]:
    """The agents, their scripts and their tools, which act on the ledger."""
    contracts = [
        contract_of(tool).model_copy(update={"config": {"ledger": str(ledger)}}) for tool in TOOLS
    ]
    found: list[Definition] = [*contracts]
    for shape, turns in {**SHAPES, **_ASKED_FOR}.items():
        name = f"torture-{shape}"
        found.append(ModelScript(name=name, version="1.0.0", turns=turns))
        found.append(_agent(shape, f"scripted:{name}", contracts))
    found.append(_agent(PROVIDED, "openai:gpt-4o", []))
    return found


def _agent(shape: str, model: str, contracts: list[ToolContract]) -> AgentDefinition:
    said: dict[str, Any] = {
        "name": f"torture-{shape}",
        "version": "1.0.0",
        "instructions": "Do what the script says.",
        "prompt_version": "1",
        "model": ModelChoice(name=model),
        "tools": tuple(contract.name for contract in contracts),
        "limits": limits_of(
            shape,
            Limits(
                max_model_calls=60,
                max_tool_calls=120,
                max_identical_calls=20,
                max_duration_ms=_TIMED.get(shape),
            ),
        ),
    }
    return AgentDefinition(**said | governed.extras(shape))


def publish_definitions(settings: Settings, ledger: Path, shapes: str = "") -> None:
    """Put the definitions on the registry; policies only where shapes of such tenants are named."""
    found: list[tuple[str | None, list[Definition]]] = [(None, definitions(ledger))]
    named = set(shapes.split(","))
    if ADMITTED & named:
        found += [(tenant, [POLICY]) for tenant in TENANTS]
    if governed.GOVERNED & named:
        found += [(tenant, [governed.POLICY, governed.gate(0)]) for tenant in governed.TENANTS]
    publish_all(settings, found)


def publish_all(
    settings: Settings, found: Sequence[tuple[str | None, Sequence[Definition]]]
) -> None:
    """Publish definitions for tenants, as ``runfold apply`` does; none may be refused."""
    writer = Publisher(settings.producer_config(), CODEC)
    with DefinitionFollower(KafkaDefinitionLog(settings.kafka_config(), CODEC)) as store:
        for tenant, given in found:
            report = publish(
                given,
                log=writer,
                store=store,
                author=Author("torture", datetime.now(UTC), tenant),
                timeout=60,
            )
            assert not report.refused, report.refused


def request(shape: str, number: int) -> RunRequested:
    """A request for a run; its goal is its number, by which people know what to do with it."""
    tenant, user = TENANT, "somebody"
    if shape in ADMITTED:
        tenant, user = tenant_of(number), user_of(number)
    elif shape in governed.GOVERNED:
        tenant, user = governed.tenant_of(number), governed.user_of(number)
    return RunRequested(
        run_id=uuid7(),
        tenant_id=tenant,
        user_id=user,
        agent=f"torture-{shape}",
        goal=text(str(number)),
        requested_at=datetime.now(UTC),
    )
