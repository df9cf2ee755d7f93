"""Spans of one process, sent to an OTLP/HTTP collector by OpenTelemetry's own exporter.

A span is emitted whole when its work has ended, so none outlives its process: one that dies has
not emitted what was open. Where no collector is named there is no ``Traces`` at all, and nothing
of OpenTelemetry is loaded.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runfold.infra.settings.declared import opentelemetry, variables
from runfold.infra.tracing.context import TraceContext
from runfold.infra.tracing.sampling import Sampler

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

Value = str | int | float | bool | Sequence[str]
Attributes = Mapping[str, Value]

_MOST_EVENTS = 128
_CLOSE_S = 3.0


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened within a span; time in nanoseconds since the epoch."""

    name: str
    time_ns: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Span:
    """Work that has ended. ``parent_id`` None is the root; ``client`` says a server was asked.

    ``link`` is a span of another trace that led to this one.
    """

    name: str
    trace: TraceContext
    span_id: int
    parent_id: int | None
    began_ns: int
    ended_ns: int
    attributes: Attributes
    moments: Sequence[Moment] = ()
    error: str | None = None
    client: bool = field(default=False)
    link: TraceContext | None = None


class Traces:
    """Takes finished spans of sampled runs; ``content`` says whether what was said may be shown."""

    def __init__(
        self, service: str, exporter: SpanExporter, sampler: Sampler, *, content: bool = False
    ) -> None:
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - only where it is on
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415

        # What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say comes before our own name.
        named = {} if opentelemetry.SERVICE_NAME.read() else {"service.name": service}
        self._resource = Resource.create(named)
        self._scope = InstrumentationScope("runfold")
        self._sampler = sampler
        self._exporter = exporter
        self._processor = BatchSpanProcessor(exporter)
        self.content = content

    @classmethod
    def from_env(cls, service: str, env: Mapping[str, str] | None = None) -> Traces | None:
        """Return the traces of this process, None where no OTLP endpoint is set; ConfigError."""
        env = os.environ if env is None else env
        if not opentelemetry.exports_spans(env):
            return None
        opentelemetry.check_sdk(env)
        sampler = Sampler.from_env(env)
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )

        content = variables.TRACE_CONTENT.read(env)
        return cls(service, OTLPSpanExporter(), sampler, content=content)

    def takes(self, trace: TraceContext) -> bool:
        """Return whether the run of this trace is sampled."""
        return self._sampler.takes(trace)

    def emit(self, span: Span) -> None:
        """Hand a span of a sampled run over; it is sent later, by another thread."""
        from opentelemetry.sdk.trace import Event, ReadableSpan  # noqa: PLC0415
        from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags  # noqa: PLC0415
        from opentelemetry.trace.status import Status, StatusCode  # noqa: PLC0415

        flags, trace_id = TraceFlags(TraceFlags.SAMPLED), span.trace.trace_id
        parent = None
        if span.parent_id is not None:
            parent = SpanContext(trace_id, span.parent_id, is_remote=True, trace_flags=flags)
        links = []
        if (led := span.link) is not None:
            from_flags = TraceFlags(int(led.sampled))
            links = [Link(SpanContext(led.trace_id, led.span_id, True, from_flags))]
        self._processor.on_end(
            ReadableSpan(
                span.name,
                context=SpanContext(trace_id, span.span_id, is_remote=False, trace_flags=flags),
                parent=parent,
                resource=self._resource,
                attributes=span.attributes,
                events=[
                    Event(moment.name, moment.attributes, moment.time_ns)
                    for moment in span.moments[:_MOST_EVENTS]
                ],
                links=links,
                kind=SpanKind.CLIENT if span.client else SpanKind.INTERNAL,
                status=Status(StatusCode.ERROR, span.error) if span.error else Status(),
                start_time=span.began_ns,
                end_time=span.ended_ns,
                instrumentation_scope=self._scope,
            )
        )

    def close(self) -> None:
        """Send what is left, for three seconds at most: a lost collector holds nobody up."""
        last = threading.Thread(target=self._processor.shutdown, daemon=True)
        last.start()
        last.join(_CLOSE_S)
