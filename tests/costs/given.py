"""A day whose costs are known by hand, on a journal in memory and in the views of a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg

from runfold.events import run as j
from runfold.events import topics
from runfold.events.base import Fact, money
from runfold.events.content import json_content, text
from runfold.events.values import (
    Attribution,
    ErrorInfo,
    Exit,
    ExitStatus,
    ExitUsage,
    Limits,
    ModelAnswer,
    Pin,
    PriceSnapshot,
    RunRequest,
    RunStatus,
    Usage,
)
from runfold.producers.log.memory import MemoryLog
from runfold.projections import schema
from runfold.projections.store.rows.writing import fold, write
from runfold.projections.view import Batch, Placed
from runfold.projections.views import VIEWS
from runfold.surfaces.cli.context import Context
from tests.projections.histories import CODEC, History

NOON = datetime(2026, 1, 1, tzinfo=UTC)
BIG, CLAUDE, LLAMA = "openai:gpt-big", "anthropic:claude", "house:llama"

_TRIAGE = Attribution(
    user_id="u1", agent="triage", agent_version="1.0.0", prompt_version="p1", feature="logs"
)
_WRITER = Attribution(
    user_id="u2",
    agent="writer",
    agent_version="2.0.0",
    prompt_version="p2",
    feature="mail",
    skill="summarise",
    variant="b",
)


class Day(History):
    """A run of that day, told in terms of what it costs."""

    to: Attribution = _TRIAGE

    def began(self, to: Attribution, budget: str | None = None) -> Day:
        """Accept the run, with a budget where one is given."""
        self.to = to
        request = RunRequest(
            run_id=self.run_id,
            tenant_id=self.tenant_id,
            user_id=to.user_id,
            agent=to.agent,
            goal=text("go"),
            requested_at=NOON,
            feature=to.feature,
        )
        return self.told(
            j.RunCreated(
                request=request,
                agent=Pin(name=to.agent, version=to.agent_version, digest=b"\1" * 32),
                tools=(),
                prompt_version=to.prompt_version,
                model=BIG,
                limits=Limits(max_cost=None if budget is None else money(budget)),
                rulebook=0,
            )
        )

    def told(self, fact: Fact, status: RunStatus = RunStatus.PLANNING) -> Day:
        """Add a fact."""
        self.add(fact, status)
        return self

    def said(
        self, call: str, model: str, usage: Usage, cost: str | None, attempt: int = 1, **rates: str
    ) -> Day:
        """A model answers, at these prices."""
        prices = {name: money(rate) for name, rate in rates.items()}
        self.asked_model(f"{self.run_id}.{call}", attempt)
        return self.told(
            j.ModelResponded(
                call_id=f"{self.run_id}.{call}",
                attempt=attempt,
                model=model,
                provider=model.partition(":")[0],
                decision=j.DecisionRecord(
                    decision_type="answer",
                    selected_tools=(),
                    summary="",
                    context_digest=b"\2" * 32,
                ),
                answer=ModelAnswer(text=text("so"), finish_reason="stop"),
                usage=usage,
                cost=None if cost is None else money(cost),
                price=PriceSnapshot(source="table", model=model, **prices) if prices else None,
                latency_ms=5,
                attribution=self.to,
            )
        )

    def used(self, call: str, tool: str, cost: str) -> Day:
        """A tool answers."""
        self.proposed(f"{self.run_id}.{call}")
        return self.again(call, tool, cost, 1)

    def again(self, call: str, tool: str, cost: str, attempt: int) -> Day:
        """A tool that was proposed answers."""
        return self.told(
            j.ToolCallSucceeded(
                call_id=f"{self.run_id}.{call}",
                attempt=attempt,
                tool=tool,
                result=json_content("ok"),
                latency_ms=1,
                attribution=self.to,
                cost=money(cost),
            )
        )

    def broke(self, call: str, tool: str, cost: str) -> Day:
        """A tool fails, and costs all the same."""
        self.proposed(f"{self.run_id}.{call}")
        return self.told(
            j.ToolCallFailed(
                call_id=f"{self.run_id}.{call}",
                attempt=1,
                tool=tool,
                error=ErrorInfo(error_type="timeout", message="slow", retryable=True),
                latency_ms=1,
                attribution=self.to,
                cost=money(cost),
            )
        )

    def over(self, cost: str, status: ExitStatus = ExitStatus.SUCCESS) -> Day:
        """The run ends and says what it cost."""
        good = status is ExitStatus.SUCCESS
        exit_record = Exit(
            status=status,
            exit_code=0 if good else 1,
            signal="complete_task",
            payload=json_content("done"),
            usage=ExitUsage(
                total_tokens=0,
                input_tokens=0,
                output_tokens=0,
                cost_usd=Decimal(cost),
                latency_ms=1,
                model_calls=0,
                tool_calls=0,
            ),
        )
        who = {"agent": "a", "agent_version": "1", "user_id": self.to.user_id}
        if good:
            return self.told(j.RunCompleted(exit=exit_record, **who), RunStatus.COMPLETED)
        error = ErrorInfo(error_type="gave_up", message="no", retryable=False)
        return self.told(j.RunFailed(exit=exit_record, error=error, **who), RunStatus.FAILED)


def day() -> list[Day]:
    """Three runs: one that succeeds, one that fails, one that goes on."""
    done = Day("done").began(_TRIAGE, "1")
    cached = Usage(input_tokens=1000, output_tokens=100, cache_read_tokens=600)
    done.said("1", BIG, cached, "0.010000000001", input_mtok="10", cache_read_mtok="1")
    done.used("2", "files.read", "0.002").broke("3", "web.search", "0.003")
    done.again("3", "web.search", "0.003", 2).over("0.018000000001")
    failed = Day("failed", "umbrella").began(_WRITER)
    written = Usage(input_tokens=2000, output_tokens=500, cache_write_tokens=400)
    failed.said("1", CLAUDE, written, "0.25", 2, input_mtok="100", cache_write_mtok="125")
    failed.said("2", LLAMA, Usage(input_tokens=10, output_tokens=5), None)
    failed.over("0.25", ExitStatus.FAILURE)
    live = Day("live").began(_TRIAGE, "0.01")
    live.said("1", BIG, Usage(input_tokens=10, output_tokens=1), "0.010000000002", input_mtok="10")
    return [done, failed, live]


def journal_of(runs: list[Day]) -> MemoryLog:
    """The runs on a journal in memory."""
    log = MemoryLog(CODEC, [topic.name for topic in topics.TOPICS])
    for run in runs:
        for value, event in zip(run.values, run.events, strict=True):
            # An event is appended a while after it was decided.
            late = event.meta.time + timedelta(milliseconds=10)
            log.append(topics.EVENTS, value, run.run_id.encode(), appended_at=late)
    return log


def project(log: MemoryLog, url: str) -> None:
    """Fold the whole journal into the views of a database, as a projector does."""
    schema.ensure(url)
    placed = [
        Placed(found.record.meta, found.record.fact, found.place.partition, found.place.offset, "h")
        for found in log.read(topics.EVENTS)
        if isinstance(found.record, j.Event)
    ]
    ends = dict.fromkeys(range(4), 0)
    for each in placed:
        ends[each.partition] = max(ends[each.partition], each.offset + 1)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        for view in VIEWS.values():
            write(cursor, fold(view, Batch(events=placed)))
            cursor.executemany(
                "INSERT INTO projection_positions VALUES (%s, %s, %s, %s, 1, 'test')",
                [(view.name, topics.EVENTS, number, end) for number, end in ends.items()],
            )


def context_of(log: MemoryLog, url: str) -> Context:
    """A command line on this journal and database."""
    context = Context()
    context.reader = log
    context.engine = schema.engine(url)
    return context
