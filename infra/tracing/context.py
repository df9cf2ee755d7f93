"""Which trace and which spans a run has: all follows from ids, so nothing has to be handed over.

The trace is the run's id; the run's own span is the one its traceparent names; a call's span is
named by the call and its attempt. So any process can emit its part, in any order, and a repeat
after a crash names the same span again.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import NamedTuple

_PARTS = 4


class TraceContext(NamedTuple):
    """A W3C trace context in numbers."""

    trace_id: int
    span_id: int
    sampled: bool


@lru_cache(maxsize=4096)
def parsed(traceparent: str) -> TraceContext | None:
    """Return what a traceparent says, None where it is none."""
    parts = traceparent.split("-")
    if len(parts) != _PARTS or (len(parts[1]), len(parts[2])) != (32, 16):
        return None
    try:
        trace_id, span_id, flags = (int(part, 16) for part in parts[1:])
    except ValueError:
        return None
    return TraceContext(trace_id, span_id, bool(flags & 1)) if trace_id and span_id else None


def call_span(call_id: str, attempt: int) -> int:
    """Return the id of the span of one attempt of a call."""
    return span_named(f"{call_id}/{attempt}")


def span_named(name: str) -> int:
    """Return the id of a span that has a name of its own within its trace."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) or 1


def traceparent_of_call(traceparent: str, call_id: str, attempt: int) -> str:
    """Return the traceparent for what a call sends out; as it is where there is no trace."""
    if parsed(traceparent) is None:
        return traceparent
    return f"{traceparent[:36]}{call_span(call_id, attempt):016x}{traceparent[52:]}"
