"""Runs with exact times: each event is where the test puts it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from runfold.events import run as j
from runfold.events.contents.content import text
from runfold.events.values import Attribution, ExitStatus, ExitUsage, RunRequest, RunStatus
from tests.support.builders import facts
from tests.support.builders.facts import READS
from tests.support.builders.history import History

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@dataclass
class Run(History):
    """One run; ``at`` is the time of its next event."""

    at: datetime = NOON
    agent: str = "triage"

    def time_of(self, seq: int) -> datetime:
        """The time that the test has come to."""
        return self.at

    def wait(self, more: float) -> Self:
        self.at += seconds(more)
        return self

    @property
    def by(self) -> Attribution:
        """Whom calls are attributed to."""
        return Attribution(
            user_id="u1", agent=self.agent, agent_version="1.0.0", prompt_version="p1"
        )

    @property
    def request(self) -> RunRequest:
        return RunRequest(
            run_id=self.run_id,
            tenant_id=self.tenant_id,
            user_id="u1",
            agent=self.agent,
            goal=text("what went wrong?"),
            requested_at=self.at,
        )

    def begins(self, queue: float = 0) -> Self:
        self.add(facts.accepted(self.request, "big", self.by), RunStatus.CREATED)
        return self.wait(queue).add(j.RunStarted())

    def asks(self, call: str, model: str = "big", timeout_ms: int = 60_000) -> Self:
        called = facts.model_called(call, model, timeout_ms=timeout_ms)
        return self.add(called, RunStatus.WAITING_FOR_MODEL)

    def answered(self, call: str, ms: int, cost: str | None = "0.01", model: str = "big") -> Self:
        return self.add(facts.model_responded(call, model, cost, latency_ms=ms, by=self.by))

    def model_failed(self, call: str, ms: int = 1000, model: str = "big") -> Self:
        return self.add(facts.model_failed(call, model, latency_ms=ms, by=self.by))

    def retries(self, call: str, delay: float = 1) -> Self:
        again = j.RetryScheduled(
            call_id=call,
            attempt=2,
            due=self.at + seconds(delay),
            delay_ms=int(delay * 1000),
            reason="again",
        )
        return self.add(again, RunStatus.WAITING_FOR_TOOL)

    def proposes(self, call: str, tool: str = READS) -> Self:
        return self.add(facts.tool_proposed(call, "1", tool))

    def starts(
        self, call: str, tool: str = READS, timeout_ms: int = 1000, attempt: int = 1
    ) -> Self:
        return self.add(facts.tool_started(call, tool, attempt, timeout_ms), RunStatus.RUNNING_TOOL)

    def worked(self, call: str, ms: int, tool: str = READS, cost: str | None = None) -> Self:
        done = facts.tool_succeeded(call, tool, cost, latency_ms=ms, by=self.by)
        return self.add(done, RunStatus.CHECKPOINTING)

    def broke(self, call: str, tool: str = READS, error: str = "timeout", attempt: int = 1) -> Self:
        failure = facts.tool_failed(call, tool, attempt=attempt, error=error, by=self.by)
        return self.add(failure, RunStatus.CHECKPOINTING)

    def asks_person(self, call: str, tool: str = "mail.send") -> Self:
        return self.add(facts.approval_requested(call, tool, 2), RunStatus.WAITING_FOR_HUMAN)

    def paused(self) -> Self:
        return self.add(j.RunPaused(request_id="r1", reason="lunch"), RunStatus.PAUSED)

    def completed(self) -> Self:
        return self.add(*facts.ended(ExitStatus.SUCCESS, self._used(), by=self.by))

    def failed(self) -> Self:
        return self.add(
            *facts.ended(ExitStatus.FAILURE, self._used(), by=self.by, error_type="tool_error")
        )

    def _used(self) -> ExitUsage:
        known = [event.fact for event in self.events]
        answers = [fact for fact in known if isinstance(fact, j.ModelResponded)]
        results = [fact for fact in known if isinstance(fact, j.ToolCallSucceeded)]
        paid = [fact.cost or 0 for fact in answers] + [fact.cost or 0 for fact in results]
        tokens_in = sum(fact.usage.input_tokens for fact in answers)
        tokens_out = sum(fact.usage.output_tokens for fact in answers)
        began = self.events[0].meta.time if self.events else self.at
        return facts.usage(
            str(sum(paid)),
            total_tokens=tokens_in + tokens_out,
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            latency_ms=round((self.at - began).total_seconds() * 1000),
            model_calls=len(answers),
            tool_calls=sum(isinstance(fact, j.ToolCallStarted) for fact in known),
            unpriced_calls=sum(fact.cost is None for fact in answers),
        )
