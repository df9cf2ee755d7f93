"""The span of a whole run, and those of people's approvals, emitted when they have ended.

What happened in between stands on the run's span as moments. A run that began before this process
has the moments since, and the right beginning: its end says how long it took.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from runfold.events import run as j
from runfold.events.base import Fact
from runfold.events.run import Meta
from runfold.events.traits import moment_of
from runfold.events.values import Exit, ExitStatus
from runfold.infra.tracing import names
from runfold.infra.tracing.context import TraceContext, parsed, span_named
from runfold.infra.tracing.spans import Moment, Span, Traces, Value
from runfold.projections.view import Placed

_MOST_RUNS = 10_000
_MOST_MOMENTS = 128
_Ended = j.RunCompleted | j.RunFailed | j.RunCancelled


@dataclass(slots=True)
class _Open:
    """A run that has begun: what has happened, in which trace it was asked for, what waits."""

    moments: list[Moment] = field(default_factory=list)
    asked_in: TraceContext | None = None
    waits: dict[str, tuple[str, datetime]] = field(default_factory=dict)


class RunSpans:
    """Emits the spans of sampled runs from committed batches."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces
        self._open: dict[str, _Open] = {}

    def committed(self, items: list[Placed]) -> None:
        """Take the events of a batch that are new."""
        for item in items:
            trace = parsed(item.meta.traceparent)
            if trace is not None and self._traces.takes(trace):
                self._take(trace, item.meta, item.fact)

    def _take(self, trace: TraceContext, meta: Meta, fact: Fact) -> None:
        run = self._open.setdefault(meta.run_id, _Open())
        if len(self._open) > _MOST_RUNS:
            del self._open[next(iter(self._open))]
        detail = moment_of(fact)
        if detail is not None and len(run.moments) < _MOST_MOMENTS:
            run.moments.append(_moment(meta, fact, detail))
        if isinstance(fact, j.RunCreated):
            run.asked_in = parsed(fact.requester_trace or "")
        elif isinstance(fact, j.ApprovalRequested):
            run.waits[fact.call_id] = (fact.tool, meta.time)
        elif isinstance(fact, j.ToolCallApproved | j.ToolCallDenied):
            self._approval(trace, meta, fact, run)
        elif fact.traits.ends:
            del self._open[meta.run_id]
            if isinstance(fact, _Ended):
                self._traces.emit(_whole(trace, meta, fact, run))

    def _approval(
        self,
        trace: TraceContext,
        meta: Meta,
        fact: j.ToolCallApproved | j.ToolCallDenied,
        run: _Open,
    ) -> None:
        asked = run.waits.pop(fact.call_id, None)
        if asked is None:
            return
        tool, since = asked
        attributes: dict[str, Value] = {
            names.RUN_ID: meta.run_id,
            names.CALL_ID: fact.call_id,
            names.TOOL_NAME: tool,
            names.EVENT_ACTOR: meta.actor.kind.value,
            names.OUTCOME: "approved" if isinstance(fact, j.ToolCallApproved) else "denied",
        }
        self._traces.emit(
            Span(
                name=f"{names.APPROVAL} {tool}",
                trace=trace,
                span_id=span_named(f"{fact.call_id}/{names.APPROVAL}"),
                parent_id=trace.span_id,
                began_ns=_ns(since),
                ended_ns=_ns(meta.time),
                attributes=attributes,
            )
        )


def _whole(trace: TraceContext, meta: Meta, fact: _Ended, run: _Open) -> Span:
    found = fact.exit
    ended_ns = _ns(meta.time)
    good = found.status is ExitStatus.SUCCESS
    return Span(
        name=f"{names.INVOKE_AGENT} {fact.agent}",
        trace=trace,
        span_id=trace.span_id,
        parent_id=None,
        began_ns=ended_ns - found.usage.latency_ms * 1_000_000,
        ended_ns=ended_ns,
        attributes=_described(meta, fact, found),
        moments=run.moments,
        link=run.asked_in,
        error=None if good else _reason(fact),
    )


def _described(meta: Meta, fact: _Ended, found: Exit) -> dict[str, Value]:
    usage = found.usage
    described: dict[str, Value] = {
        names.OPERATION: names.INVOKE_AGENT,
        names.AGENT_NAME: fact.agent,
        names.AGENT_VERSION: fact.agent_version,
        names.CONVERSATION_ID: fact.thread_id or meta.run_id,
        names.RUN_ID: meta.run_id,
        names.TENANT: meta.tenant_id,
        names.INPUT_TOKENS: usage.input_tokens,
        names.OUTPUT_TOKENS: usage.output_tokens,
        names.COST_USD: float(usage.cost_usd),
        names.UNPRICED: usage.unpriced_calls,
        names.EXIT_STATUS: found.status.value,
        names.EXIT_CODE: found.exit_code,
    }
    if found.status is not ExitStatus.SUCCESS:
        described[names.ERROR_TYPE] = _reason(fact)
    return described


def _reason(fact: _Ended) -> str:
    return fact.error.error_type if isinstance(fact, j.RunFailed) else fact.exit.status.value


def _moment(meta: Meta, fact: Fact, detail: str) -> Moment:
    attributes: dict[str, Value] = {
        names.EVENT_SEQ: meta.seq,
        names.EVENT_ACTOR: meta.actor.kind.value,
        names.DETAIL: detail,
    }
    call_id = getattr(fact, "call_id", None)
    if call_id is not None:
        attributes[names.CALL_ID] = call_id
    return Moment(type(fact).__name__, _ns(meta.time), attributes)


def _ns(time: datetime) -> int:
    # A float of seconds could not hold microseconds.
    return int(time.timestamp()) * 1_000_000_000 + time.microsecond * 1000
