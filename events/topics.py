"""The topics of Runfold: their names are part of the public contract and never change."""

from __future__ import annotations

from dataclasses import dataclass, field

from runfold.events.calls import kinds

REQUESTS = "runs.requests"
CONTROLS = "runs.controls"
RESULTS = "runs.results"
EVENTS = "runs.events"
COMPLETIONS = "runs.completions"
MODEL_CALLS = kinds.MODEL.topic
TOOL_CALLS = kinds.TOOL.topic
CONTEXT_CALLS = kinds.CONTEXT.topic
RESTORE = "runs.restore"
PARKED = "runs.parked"
DEAD_LETTERS = "dead.letters"
REGISTRY = "registry"
ALERTS = "alerts"

MAX_RECORD_BYTES = 8_000_000
"""The largest record any topic accepts, in bytes."""

MAX_INPUT_BYTES = 1_000_000
"""The largest record accepted as an input; larger ones become dead letters."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic to create; ``by_run`` topics share one partition count, the others have one."""

    name: str
    purpose: str
    by_run: bool = True
    config: dict[str, str] = field(default_factory=dict)


_FOREVER = {"retention.ms": "-1", "max.message.bytes": str(MAX_RECORD_BYTES)}
_WEEK = {"retention.ms": str(7 * 24 * 3600 * 1000), "max.message.bytes": str(MAX_RECORD_BYTES)}
_COMPACT = {
    "cleanup.policy": "compact",
    "max.message.bytes": str(MAX_RECORD_BYTES),
    # They are read whole at every start, so what is superseded must go soon.
    "segment.ms": str(10 * 60 * 1000),
    "min.cleanable.dirty.ratio": "0.1",
}

TOPICS: tuple[Topic, ...] = (
    Topic(
        REQUESTS,
        "requests to start a run",
        config={**_WEEK, "message.timestamp.type": "LogAppendTime"},
    ),
    Topic(CONTROLS, "what people ask of live runs", config=_WEEK),
    Topic(RESULTS, "what effect processors report", config=_WEEK),
    Topic(EVENTS, "the journal: the system of record", config=_FOREVER),
    Topic(COMPLETIONS, "how each run ended", config=_FOREVER),
    *(Topic(kind.topic, f"{kind.name} calls for a pool", config=_WEEK) for kind in kinds.KINDS),
    Topic(RESTORE, "where a lane may begin to read", config=_COMPACT),
    Topic(PARKED, "sleeping runs, carried forward", config=_COMPACT),
    Topic(DEAD_LETTERS, "inputs that could not be used", config=_FOREVER),
    Topic(REGISTRY, "agents, tools and model scripts", by_run=False, config=_COMPACT),
    Topic(ALERTS, "what the monitor raised and cleared", by_run=False, config=_FOREVER),
)

WHOLE = frozenset(topic.name for topic in TOPICS if not topic.by_run)
"""Topics of one partition, whatever the others have."""
