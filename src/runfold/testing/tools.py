"""Tools called in memory, as a pool calls them: contract, arguments, claim, run, result.

bench = ToolBench(create_refund, config={"ledger": "/tmp/ledger"})
assert bench.call(order_id="A-100", amount="5", reason="late").value == {...}
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runfold.events.calls import Outcome, ToolResult, ToolWork
from runfold.events.contents.content import json_content
from runfold.events.values import Attribution, ErrorInfo
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.infra.secrets.memory import MemorySecrets
from runfold.processors.tool.claims.memory import ClaimTable, MemoryClaims
from runfold.processors.tool.context import ToolContext
from runfold.processors.tool.execution import Implementation
from runfold.processors.tool.processor import ToolProcessor
from runfold.processors.tool.python.tools import contract_of, implementation

_ATTRIBUTION = Attribution(user_id="user", agent="agent", agent_version="1", prompt_version="1")


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """What came of a call: ``outcome`` is succeeded, failed or uncertain.

    ``value`` is the result as JSON; ``error`` says why there is none. ``repeated`` says that the
    result is that of an earlier attempt, from its claim.
    """

    outcome: str
    value: Any
    error: ErrorInfo | None
    repeated: bool


@dataclass(frozen=True, slots=True)
class Slow:
    """A stand-in of a tool that takes so many virtual seconds."""

    found: Any
    seconds: float


def slow(found: Any, seconds: float) -> Slow:
    """Return a stand-in that answers after so many virtual seconds, or NEVER."""
    return Slow(found, seconds)


class ToolBench:
    """One tool and what it keeps between calls: its claims and artifacts.

    ``tool`` is a function marked with ``runfold.tool``. ``changes`` are fields of its contract
    that a manifest would set, such as ``config`` or ``timeout_ms``; ``secrets`` are the values of
    the names under ``auth``.
    """

    def __init__(
        self,
        tool: Callable[..., Any],
        *,
        secrets: Mapping[str, str] | None = None,
        scopes: tuple[str, ...] = (),
        **changes: Any,
    ) -> None:
        self.contract = contract_of(tool).model_copy(update=changes)
        self.artifacts = MemoryArtifacts()
        self._claims = MemoryClaims(ClaimTable())
        self._scopes = scopes
        self._calls = 0
        self._processor = ToolProcessor(
            lambda name, _version, _tenant: self.contract if name == self.contract.name else None,
            self._claims,
            self.artifacts,
            MemorySecrets(secrets),
            given={self.contract.implementation: implementation(tool)},
        )

    def call(
        self, arguments: Mapping[str, Any] | None = None, /, *, call_id: str = "", **named: Any
    ) -> ToolOutcome:
        """Return what comes of a call with these arguments, checked against the contract.

        The same ``call_id`` is the same call, made again: at most one of them has an effect.
        """
        given = {**(arguments or {}), **named}
        self._calls += 1
        call_id = call_id or f"run.{self._calls}"
        work = ToolWork(
            run_id="run",
            tenant_id="tenant",
            user_id="user",
            call_id=call_id,
            attempt=1,
            tool=self.contract.name,
            tool_version=self.contract.version,
            arguments=json_content(given),
            idempotency_key=call_id,
            timeout_ms=self.contract.timeout_ms,
            traceparent="",
            attribution=_ATTRIBUTION,
            scopes=self._scopes,
        )
        return outcome_of(asyncio.run(self._processor.call(work)))


def outcome_of(result: ToolResult) -> ToolOutcome:
    """Return a result as a test reads it."""
    content = result.result
    value = json.loads(content.inline) if content is not None and content.inline else None
    return ToolOutcome(
        result.outcome.value,
        value if result.outcome is Outcome.SUCCEEDED else None,
        result.error,
        result.repeated,
    )


def stand_in(found: Any) -> Implementation:
    """Return an implementation that gives a value, or what a function of the arguments returns.

    A function marked as a tool is itself; an exception is raised.
    """
    if callable(found) and hasattr(found, "__runfold_tool__"):
        return implementation(found)

    async def run(arguments: Mapping[str, Any], context: ToolContext) -> object:  # noqa: ARG001
        if isinstance(found, Exception):
            raise found
        if not callable(found):
            return found
        value = found(**arguments)
        return await value if inspect.isawaitable(value) else value

    return run
