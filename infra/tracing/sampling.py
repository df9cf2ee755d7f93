"""Which runs are traced: the same answer in every process, from the trace id alone.

The SDK's ratio sampler compares the low 64 bits of a trace id, of which the first two are fixed in
a UUIDv7: it would take all runs from 75 % on, and none up to 50 %. The low 56 bits are random, as
W3C's trace context of level 2 asks, so those decide here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runfold.infra.settings.declared import opentelemetry
from runfold.infra.tracing.context import TraceContext

_RANDOM_BITS = 56


@dataclass(frozen=True, slots=True)
class Sampler:
    """Takes a share of all runs; one ``parentbased`` leaves out what its requester left out."""

    ratio: float
    parentbased: bool = True

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Sampler:
        """Read OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG; raises ConfigError."""
        name = opentelemetry.TRACES_SAMPLER.read(env)
        kind = name.removeprefix("parentbased_")
        ratio = {"always_on": 1.0, "always_off": 0.0}.get(kind)
        if ratio is None:
            ratio = opentelemetry.TRACES_SAMPLER_ARG.read(env)
        return cls(ratio, parentbased=kind != name)

    def takes(self, trace: TraceContext) -> bool:
        """Return whether the spans of a trace are emitted."""
        if self.parentbased and not trace.sampled:
            return False
        place: int = trace.trace_id & ((1 << _RANDOM_BITS) - 1)
        return place < self.ratio * (1 << _RANDOM_BITS)
