"""Runs of any length in the in-memory engine: the work that a run costs, without a server."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from benchmarks.support.workload import AGENT, TOOL
from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.base import Record
from runfold.events.calls import ModelResult, ModelWork, Outcome, Role, ToolResult, ToolWork
from runfold.events.contents.content import json_content, text
from runfold.events.definitions import AgentDefinition, Definition, ModelChoice, ToolContract
from runfold.events.records.commands import RunRequested
from runfold.events.values import Limits, ModelAnswer, Placement, ProposedCall, Usage
from runfold.processors.definitions.fixed import FixedDefinitions, definitions_of
from runfold.processors.engine.memory import MemoryEngine
from runfold.processors.run.aggregate import RUNS
from runfold.processors.run.state import RunState
from runfold.producers.identity import uuid7

_WORDS = 50


def definitions(*, asks: bool = False) -> tuple[Definition, ...]:
    """Return an agent without limits to its length, and its tool; ``asks`` a person before it."""
    tool = ToolContract(
        name=TOOL,
        version="1.0",
        description="Looks something up.",
        input_schema={"type": "object"},
        risk_level=2 if asks else 0,
        placement=Placement.LOCAL,
        implementation="builtin:bench",
    )
    many = 1_000_000
    agent = AgentDefinition(
        name=AGENT,
        version="1.0",
        instructions="Look things up, then finish.",
        prompt_version="1",
        model=ModelChoice(name="stub:stub"),
        tools=(TOOL,),
        limits=Limits(max_model_calls=many, max_tool_calls=many, max_identical_calls=many),
    )
    return tool, agent


class Script:
    """Answers every model call with one tool call, the last one with the end of the run."""

    def __init__(self, steps: int) -> None:
        self._steps = steps

    def do(self, work: Record) -> Record:
        """Do a piece of local work at once."""
        if isinstance(work, ModelWork):
            return self._answer(work)
        assert isinstance(work, ToolWork)
        return ToolResult(
            run_id=work.run_id,
            call_id=work.call_id,
            attempt=work.attempt,
            outcome=Outcome.SUCCEEDED,
            latency_ms=0,
            result=json_content({"found": said("result", work.call_id)}),
        )

    def _answer(self, work: ModelWork) -> ModelResult:
        turn = sum(1 for message in work.messages if message.role is Role.ASSISTANT)
        name = "complete_task" if turn >= self._steps else TOOL
        key = "summary" if turn >= self._steps else "query"
        arguments = json_content({key: said("arguments", work.call_id)})
        call = ProposedCall(id=f"call_{turn}", name=name, arguments=arguments)
        return ModelResult(
            run_id=work.run_id,
            call_id=work.call_id,
            attempt=work.attempt,
            outcome=Outcome.SUCCEEDED,
            model="stub:stub",
            provider="stub",
            latency_ms=0,
            answer=ModelAnswer(
                text=text(said("answer", work.call_id)),
                tool_calls=(call,),
                finish_reason="tool_calls",
            ),
            usage=Usage(input_tokens=900, output_tokens=60),
            cost=Decimal("0.0036"),
        )


def said(what: str, call_id: str) -> str:
    """Return the words of one answer, arguments or result: found nowhere else."""
    return "words " * _WORDS + f"<{what} of {call_id}>"


def engine(steps: int, *, asks: bool = False) -> MemoryEngine[RunState]:
    """Return an engine whose runs take so many tool calls."""
    store = FixedDefinitions(definitions_of(definitions(asks=asks)))
    return MemoryEngine(RUNS, Codec(LockRegistry()), store, Script(steps).do)


def ask_for_runs(of: MemoryEngine[RunState], count: int) -> list[str]:
    """Request so many runs and return their ids; they go when the engine settles."""
    codec = Codec(LockRegistry())
    made = []
    for _ in range(count):
        request = RunRequested(
            run_id=uuid7(),
            tenant_id="bench",
            user_id="bench",
            agent=AGENT,
            goal=text("Look things up."),
            requested_at=datetime.now(UTC),
        )
        of.put(topics.REQUESTS, request.run_id, codec.encode(topics.REQUESTS, request))
        made.append(request.run_id)
    return made
