"""A day whose costs are known by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from runfold.events.base import money
from runfold.events.contents.content import text
from runfold.events.values import (
    Attribution,
    ExitStatus,
    Limits,
    PriceSnapshot,
    RunRequest,
    Usage,
)
from tests.support.builders import facts
from tests.support.builders.facts import AGENT
from tests.support.builders.history import History

NOON = datetime(2026, 1, 1, tzinfo=UTC)
BIG, CLAUDE, LLAMA = "openai:gpt-big", "anthropic:claude", "house:llama"

_WRITER = Attribution(
    user_id="u2",
    agent="writer",
    agent_version="2.0.0",
    prompt_version="p2",
    feature="mail",
    skill="summarise",
    variant="b",
)


@dataclass
class Day(History):
    """A run of that day, in terms of what it costs."""

    to: Attribution = AGENT

    def began(self, to: Attribution, budget: str | None = None) -> Self:
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
        limits = Limits(max_cost=None if budget is None else money(budget))
        return self.add(facts.accepted(request, BIG, to, limits, rulebook=0))

    def said(
        self, call: str, model: str, usage: Usage, cost: str | None, attempt: int = 1, **rates: str
    ) -> Self:
        """A model answers, at these prices."""
        prices = {name: money(rate) for name, rate in rates.items()}
        price = PriceSnapshot(source="table", model=model, **prices) if prices else None
        self.asked_model(self._id(call), attempt)
        answer = facts.model_responded(
            self._id(call),
            model,
            cost,
            attempt=attempt,
            provider=model.partition(":")[0],
            usage=usage,
            price=price,
            by=self.to,
        )
        return self.add(answer)

    def used(self, call: str, tool: str, cost: str) -> Self:
        """A tool answers."""
        self.proposed(self._id(call))
        return self.again(call, tool, cost, 1)

    def again(self, call: str, tool: str, cost: str, attempt: int) -> Self:
        """A tool that was proposed answers."""
        answer = facts.tool_succeeded(self._id(call), tool, cost, attempt=attempt, by=self.to)
        return self.add(answer)

    def broke(self, call: str, tool: str, cost: str) -> Self:
        """A tool fails, and costs all the same."""
        self.proposed(self._id(call))
        return self.add(facts.tool_failed(self._id(call), tool, cost, latency_ms=1, by=self.to))

    def over(self, cost: str, status: ExitStatus = ExitStatus.SUCCESS) -> Self:
        """The run ends and says what it cost."""
        return self.add(*facts.ended(status, facts.usage(cost), "done", self.to))

    def _id(self, call: str) -> str:
        return f"{self.run_id}.{call}"


def day() -> list[Day]:
    """Three runs: one that succeeds, one that fails, one that goes on."""
    done = Day("done").began(AGENT, "1")
    cached = Usage(input_tokens=1000, output_tokens=100, cache_read_tokens=600)
    done.said("1", BIG, cached, "0.010000000001", input_mtok="10", cache_read_mtok="1")
    done.used("2", "files.read", "0.002").broke("3", "web.search", "0.003")
    done.again("3", "web.search", "0.003", 2).over("0.018000000001")
    failed = Day("failed", "umbrella").began(_WRITER)
    written = Usage(input_tokens=2000, output_tokens=500, cache_write_tokens=400)
    failed.said("1", CLAUDE, written, "0.25", 2, input_mtok="100", cache_write_mtok="125")
    failed.said("2", LLAMA, Usage(input_tokens=10, output_tokens=5), None)
    failed.over("0.25", ExitStatus.FAILURE)
    live = Day("live").began(AGENT, "0.01")
    live.said("1", BIG, Usage(input_tokens=10, output_tokens=1), "0.010000000002", input_mtok="10")
    return [done, failed, live]
