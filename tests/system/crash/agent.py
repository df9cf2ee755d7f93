"""The agent that is worked while processes die: every kind of call, a retry, an approval."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.commands import RunRequested
from runfold.events.content import text
from runfold.events.definitions import (
    AgentDefinition,
    Definition,
    ModelChoice,
    Playbook,
    PlaybookTurn,
)
from runfold.events.values import Limits
from runfold.processors.definitions.follower import RulebookFollower
from runfold.processors.definitions.kafka import KafkaRegistry
from runfold.processors.definitions.publisher import publish
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
    PlaybookTurn(
        calls=(
            {"name": "crash.here", "arguments": {"what": "{{ goal }}"}},
            {"name": "crash.there", "arguments": {"what": "{{ goal }}"}},
        )
    ),
    PlaybookTurn(calls=({"name": PAY, "arguments": {"amount": 7}},)),
    PlaybookTurn(calls=({"name": "crash.file", "arguments": {"text": "{{ goal }}"}},)),
    PlaybookTurn(calls=({"name": "complete_task", "arguments": {"summary": "{{ last.result }}"}},)),
)


def definitions(folder: Path, seconds: float = 0) -> list[Definition]:
    """The agent, its playbook and its tools, which write into ``folder``."""
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
    return [*contracts, Playbook(name=AGENT, version="1.0.0", turns=_TURNS), agent]


def publish_definitions(settings: Settings, given: list[Definition]) -> None:
    """Put definitions on the registry."""
    writer = Publisher(settings.producer_config(), CODEC)
    with RulebookFollower(KafkaRegistry(settings.kafka_config(), CODEC)) as rulebook:
        report = publish(
            given, log=writer, rulebook=rulebook, by="test", now=datetime.now(UTC), timeout=30
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
