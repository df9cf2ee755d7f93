"""Runs told with exact times: what a journal holds, each event where the test puts it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

from runfold.events import run as j
from runfold.events.base import Fact, money
from runfold.events.content import json_content, text
from runfold.events.values import (
    Actor,
    ActorKind,
    Attribution,
    ErrorInfo,
    Exit,
    ExitStatus,
    ExitUsage,
    Limits,
    ModelAnswer,
    Pin,
    Placement,
    RunRequest,
    RunStatus,
    Usage,
)
from runfold.processors.monitor.core.monitor import Monitor
from runfold.processors.monitor.core.rules import AlertRules
from runfold.processors.monitor.rule_files import read_rules

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@dataclass
class Run:
    """One run; ``at`` is the time of its next event."""

    run_id: str
    at: datetime = NOON
    agent: str = "triage"
    tenant: str = "acme"
    events: list[j.Event] = field(default_factory=list)

    def wait(self, more: float) -> Run:
        self.at += seconds(more)
        return self

    def add(self, fact: Fact, status: RunStatus = RunStatus.PLANNING) -> Run:
        meta = j.Meta(
            run_id=self.run_id,
            seq=len(self.events) + 1,
            tenant_id=self.tenant,
            time=self.at,
            status=status,
            cause=f"runs.requests/0/{len(self.events)}",
            actor=Actor(kind=ActorKind.SYSTEM, id="run"),
            traceparent=TRACE,
            prev_hash=bytes(32),
        )
        self.events.append(j.Event(meta, fact))
        return self

    @property
    def attribution(self) -> Attribution:
        return Attribution(
            user_id="u1", agent=self.agent, agent_version="1.0.0", prompt_version="p1"
        )

    @property
    def request(self) -> RunRequest:
        return RunRequest(
            run_id=self.run_id,
            tenant_id=self.tenant,
            user_id="u1",
            agent=self.agent,
            goal=text("what went wrong?"),
            requested_at=self.at,
        )

    def created(self, queue: float = 0) -> Run:
        pin = Pin(name=self.agent, version="1.0.0", digest=b"\1" * 32)
        self.add(
            j.RunCreated(
                request=self.request,
                agent=pin,
                tools=(),
                prompt_version="p1",
                model="big",
                limits=Limits(),
                rulebook=1,
            ),
            RunStatus.CREATED,
        )
        return self.wait(queue).add(j.RunStarted())

    def asks(self, call: str, model: str = "big", timeout_ms: int = 60_000) -> Run:
        return self.add(
            j.ModelCalled(
                call_id=call,
                attempt=1,
                model=model,
                fallbacks=(),
                routing_reason="only",
                prompt_version="p1",
                context_digest=bytes(32),
                placement=Placement.LOCAL,
                timeout_ms=timeout_ms,
            ),
            RunStatus.WAITING_FOR_MODEL,
        )

    def answered(self, call: str, ms: int, cost: str | None = "0.01", model: str = "big") -> Run:
        return self.add(
            j.ModelResponded(
                call_id=call,
                attempt=1,
                model=model,
                provider="scripted",
                decision=j.DecisionRecord(
                    decision_type="tool_call",
                    selected_tools=(),
                    summary="",
                    context_digest=bytes(32),
                ),
                answer=ModelAnswer(finish_reason="stop"),
                usage=Usage(input_tokens=100, output_tokens=20),
                cost=None if cost is None else money(cost),
                price=None,
                latency_ms=ms,
                attribution=self.attribution,
            )
        )

    def model_failed(self, call: str, ms: int = 1000, model: str = "big") -> Run:
        return self.add(
            j.ModelFailed(
                call_id=call,
                attempt=1,
                model=model,
                error=ErrorInfo(error_type="rate_limited", message="later", retryable=True),
                latency_ms=ms,
                attribution=self.attribution,
            )
        )

    def retries(self, call: str, delay: float = 1) -> Run:
        return self.add(
            j.RetryScheduled(
                call_id=call,
                attempt=2,
                due=self.at + seconds(delay),
                delay_ms=int(delay * 1000),
                reason="again",
            ),
            RunStatus.WAITING_FOR_TOOL,
        )

    def proposes(self, call: str, tool: str = "files.read") -> Run:
        return self.add(
            j.ToolCallProposed(
                call_id=call,
                model_call_id="1",
                provider_call_id=call,
                tool=tool,
                tool_version="1.0.0",
                arguments=json_content({}),
                reason="",
                risk_level=0,
                idempotency_key=f"{self.run_id}.{call}",
            )
        )

    def starts(
        self, call: str, tool: str = "files.read", timeout_ms: int = 1000, attempt: int = 1
    ) -> Run:
        return self.add(
            j.ToolCallStarted(
                call_id=call,
                attempt=attempt,
                tool=tool,
                placement=Placement.POOL,
                idempotency_key=call,
                timeout_ms=timeout_ms,
            ),
            RunStatus.RUNNING_TOOL,
        )

    def worked(self, call: str, ms: int, tool: str = "files.read", cost: str | None = None) -> Run:
        return self.add(
            j.ToolCallSucceeded(
                call_id=call,
                attempt=1,
                tool=tool,
                result=json_content({}),
                latency_ms=ms,
                attribution=self.attribution,
                cost=None if cost is None else money(cost),
            ),
            RunStatus.CHECKPOINTING,
        )

    def broke(
        self, call: str, tool: str = "files.read", error: str = "timeout", attempt: int = 1
    ) -> Run:
        return self.add(
            j.ToolCallFailed(
                call_id=call,
                attempt=attempt,
                tool=tool,
                error=ErrorInfo(error_type=error, message="no", retryable=True),
                latency_ms=1000,
                attribution=self.attribution,
            ),
            RunStatus.CHECKPOINTING,
        )

    def wants(self, call: str, tool: str = "mail.send") -> Run:
        return self.add(
            j.ApprovalRequested(
                call_id=call, tool=tool, question="may it?", arguments_digest=bytes(32),
                risk_level=2,
            ),
            RunStatus.WAITING_FOR_HUMAN,
        )  # fmt: skip

    def approved(self, call: str) -> Run:
        return self.add(j.ToolCallApproved(call_id=call), RunStatus.WAITING_FOR_TOOL)

    def paused(self) -> Run:
        return self.add(j.RunPaused(request_id="r1", reason="lunch"), RunStatus.PAUSED)

    def completed(self) -> Run:
        whom = {"agent": self.agent, "agent_version": "1.0.0", "user_id": "u1"}
        return self.add(
            j.RunCompleted(exit=self._exit(ExitStatus.SUCCESS), **whom), RunStatus.COMPLETED
        )

    def failed(self) -> Run:
        whom = {"agent": self.agent, "agent_version": "1.0.0", "user_id": "u1"}
        error = ErrorInfo(error_type="tool_error", message="no", retryable=False)
        return self.add(
            j.RunFailed(exit=self._exit(ExitStatus.FAILURE), error=error, **whom), RunStatus.FAILED
        )

    def _exit(self, status: ExitStatus) -> Exit:
        facts = [event.fact for event in self.events]
        answers = [fact for fact in facts if isinstance(fact, j.ModelResponded)]
        paid = [*answers, *(fact for fact in facts if isinstance(fact, j.ToolCallSucceeded))]
        tokens_in = sum(fact.usage.input_tokens for fact in answers)
        tokens_out = sum(fact.usage.output_tokens for fact in answers)
        began = self.events[0].meta.time if self.events else self.at
        usage = ExitUsage(
            total_tokens=tokens_in + tokens_out,
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            cost_usd=money(sum(fact.cost or 0 for fact in paid)),
            latency_ms=round((self.at - began).total_seconds() * 1000),
            model_calls=len(answers),
            tool_calls=sum(isinstance(fact, j.ToolCallStarted) for fact in facts),
            unpriced_calls=sum(fact.cost is None for fact in answers),
        )
        return Exit(
            status=status,
            exit_code=0 if status is ExitStatus.SUCCESS else 1,
            signal="complete",
            payload=json_content({}),
            usage=usage,
        )


def take(monitor: Monitor, *runs: Run) -> Monitor:
    for run in runs:
        for event in run.events:
            monitor.take(event)
    return monitor


def rules(folder: Path, body: str) -> AlertRules:
    file = folder / "rules.yaml"
    file.write_text("version: 1\n" + dedent(body))
    return read_rules([file])


def watching(folder: Path, body: str, covered_from: datetime | None = None) -> Monitor:
    """A monitor with these rules that has seen everything since the day before."""
    monitor = Monitor(rules(folder, body))
    monitor.covered_from = covered_from or NOON - timedelta(days=1)
    return monitor
