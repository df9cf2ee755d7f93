"""The span of a call, from its work and its result; what is particular comes with its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from runfold.events.calls import CallResult, CallWork, Outcome
from runfold.events.contents.content import Content
from runfold.infra.tracing import names
from runfold.infra.tracing.context import call_span, parsed
from runfold.infra.tracing.spans import Span, Traces, Value

W = TypeVar("W", bound=CallWork)
R = TypeVar("R", bound=CallResult)

_UNSEEN = "[not inline]"


@dataclass(frozen=True, slots=True)
class CallSpan(Generic[W, R]):
    """How the calls of a kind appear in a trace.

    ``content`` is the text, recorded only where the operator asked for it. ``client`` says that
    another system was asked.
    """

    name: Callable[[W], str]
    attributes: Callable[[W, R], Mapping[str, Value]]
    content: Callable[[W, R], Mapping[str, Value]]
    client: bool = False


def trace_call(
    traces: Traces, span: CallSpan[W, R], work: W, result: R, began_ns: int, ended_ns: int
) -> None:
    """Emit the span of a call that has ended, if its run is sampled."""
    trace = parsed(work.traceparent)
    if trace is None or not traces.takes(trace):
        return
    attributes = {**_common(work), **span.attributes(work, result)}
    if traces.content:
        attributes.update(span.content(work, result))
    error = None
    if result.outcome is not Outcome.SUCCEEDED:
        error = result.error.error_type if result.error else result.outcome.value
        attributes[names.ERROR_TYPE] = error
    span_id = call_span(work.call_id, work.attempt)
    traces.emit(
        Span(
            span.name(work), trace, span_id, trace.span_id, began_ns, ended_ns, attributes,
            error=error, client=span.client,
        )
    )  # fmt: skip


def shown(said: Content) -> str:
    """Return a content as a span shows it; one that is kept elsewhere is not fetched."""
    return _UNSEEN if said.inline is None else said.inline.decode("utf-8", "replace")


def _common(work: CallWork) -> dict[str, Value]:
    return {
        names.RUN_ID: work.run_id,
        names.CALL_ID: work.call_id,
        names.ATTEMPT: work.attempt,
        names.TENANT: work.tenant_id,
        names.AGENT_NAME: work.attribution.agent,
        names.AGENT_VERSION: work.attribution.agent_version,
        names.PROMPT_VERSION: work.attribution.prompt_version,
    }
