"""Which runs are traced: the same answer in every process, from the trace id alone.

The SDK's ratio sampler compares the low 64 bits of a trace id, of which the first two are fixed in
a UUIDv7: it would take all runs from 75 % on, and none up to 50 %. The low 56 bits are random, as
W3C's trace context of level 2 wants them, so those decide here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runfold.infra.settings.config import ConfigError
from runfold.infra.tracing.context import TraceContext

_RANDOM_BITS = 56
_ALWAYS, _NEVER, _RATIO = "always_on", "always_off", "traceidratio"


@dataclass(frozen=True, slots=True)
class Sampler:
    """Takes a share of all runs; one ``parentbased`` leaves out what its requester left out."""

    ratio: float
    parentbased: bool = True

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Sampler:
        """Read OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG; raises ConfigError."""
        name = env.get("OTEL_TRACES_SAMPLER", "").strip() or f"parentbased_{_ALWAYS}"
        kind = name.removeprefix("parentbased_")
        if kind not in (_ALWAYS, _NEVER, _RATIO):
            raise ConfigError(
                f"OTEL_TRACES_SAMPLER must be {_ALWAYS}, {_NEVER} or {_RATIO}, "
                f"with or without parentbased_ before it, not {name!r}."
            )
        ratio = {_ALWAYS: 1.0, _NEVER: 0.0}.get(kind)
        if ratio is None:
            ratio = _share(env.get("OTEL_TRACES_SAMPLER_ARG", "").strip() or "1")
        return cls(ratio, parentbased=kind != name)

    def takes(self, trace: TraceContext) -> bool:
        """Return whether the spans of a trace are emitted."""
        if self.parentbased and not trace.sampled:
            return False
        place: int = trace.trace_id & ((1 << _RANDOM_BITS) - 1)
        return place < self.ratio * (1 << _RANDOM_BITS)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ConfigError(f"OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1, not {text!r}.")
    return share
