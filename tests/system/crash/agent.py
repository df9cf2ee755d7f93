"""The agent that is worked while processes die: every kind of call, a retry, an approval."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.contents.content import text
from runfold.events.definitions import (
    AgentDefinition,
    Definition,
    ModelChoice,
    ModelScript,
    ScriptTurn,
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
from tests.system.crash.tools import TOOLS

CODEC = Codec(LockRegistry())
AGENT = "crash"
TENANT = "crash"
PAY = "crash.pay"

_TURNS = (
    ScriptTurn(
        calls=(
            {"name": "crash.here", "arguments": {"what": "{{ goal }}"}},
            {"name": "crash.there", "arguments": {"what": "{{ goal }}"}},
        )
    ),
    ScriptTurn(calls=({"name": PAY, "arguments": {"amount": 7}},)),
    ScriptTurn(calls=({"name": "crash.file", "arguments": {"text": "{{ goal }}"}},)),
    ScriptTurn(calls=({"name": "complete_task", "arguments": {"summary": "{{ last.result }}"}},)),
)


def definitions(folder: Path, seconds: float = 0) -> list[Definition]:
    """The agent, its model script and its tools, which write into ``folder``."""
    config = {"folder": str(folder), "seconds": seconds}
    contracts = [contract_of(tool).model_copy(update={"config": config}) for tool in TOOLS]
    agent = AgentDefinition(
        name=AGENT,
        version="1.0.0",
        instructions="Look twice, pay once, file a note.",
        prompt_version="1",
        model=ModelChoice(name=f"scripted:{AGENT}"),
        tools=tuple(contract.name for contract in contracts),
        limits=Limits(max_model_calls=30, max_tool_calls=60, max_identical_calls=10),
    )
    return [*contracts, ModelScript(name=AGENT, version="1.0.0", turns=_TURNS), agent]


def publish_definitions(settings: Settings, given: list[Definition]) -> None:
    """Put definitions on the registry."""
    writer = Publisher(settings.producer_config(), CODEC)
    with DefinitionFollower(KafkaDefinitionLog(settings.kafka_config(), CODEC)) as store:
        report = publish(
            given, log=writer, store=store, author=Author("test", datetime.now(UTC)), timeout=30
        )
    assert not report.refused, report.refused


def request(goal: str = "the order", **changes: object) -> RunRequested:
    """A request for one run of the agent."""
    asked = RunRequested(
        run_id=uuid7(),
        tenant_id=TENANT,
        user_id="somebody",
        agent=AGENT,
        goal=text(goal),
        requested_at=datetime.now(UTC),
    )
    return asked.model_copy(update=changes)
