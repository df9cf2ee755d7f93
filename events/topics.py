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
PERMITS = "calls.permits"
RESTORE = "runs.restore"
PARKED = "runs.parked"
TENANT_REQUESTS = "tenants.requests"
TENANT_EVENTS = "tenants.events"
TENANT_RESTORE = "tenants.restore"
TENANT_PARKED = "tenants.parked"
DEAD_LETTERS = "dead.letters"
REGISTRY = "registry"
ALERTS = "alerts"
FEEDBACK = "runs.feedback"
MODEL_DELTAS = "model.deltas"
SUMMARIES = "runs.summaries"

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


COPIES_IN_SYNC = 2
"""``min.insync.replicas`` of a topic that has three copies or more; of one with fewer it is 1."""

# Every setting that a guarantee rests on is pinned at the topic itself, also where it is Kafka's
# default: what is not pinned is decided by whoever sets up the broker.
_EVERY = {
    "compression.type": "producer",
    "max.message.bytes": str(MAX_RECORD_BYTES),
    "message.timestamp.type": "CreateTime",
    "unclean.leader.election.enable": "false",
}
_KEPT = {**_EVERY, "cleanup.policy": "delete", "retention.bytes": "-1"}
_FOREVER = {**_KEPT, "retention.ms": "-1"}
_WEEK = {**_KEPT, "retention.ms": str(7 * 24 * 3600 * 1000)}
# Strangers write there. The broker inflates what they send, and refuses a batch that is then larger
# than max.message.bytes: nobody who reads has to inflate anything.
_INPUT = {**_WEEK, "compression.type": "uncompressed"}
# Clients in other languages read there. The broker takes the codec off what our producers send, so
# every client can read it, whatever codecs it knows: the commonest one of Node knows no lz4. One
# record a run, and no batch of a producer inflates beyond max.message.bytes, since librdkafka
# bounds it before it compresses. gzip would save some disk for a Deflater a batch in the broker.
_OPEN = {**_FOREVER, "compression.type": "uncompressed"}
_DAY = {**_KEPT, "retention.ms": str(24 * 3600 * 1000)}
# Nobody reads there what has been: a listener begins at the end.
_LIVE = {
    **_EVERY,
    "cleanup.policy": "delete",
    "retention.bytes": "100000000",
    "retention.ms": str(10 * 60 * 1000),
    "segment.ms": str(5 * 60 * 1000),
}
_COMPACT = {
    **_EVERY,
    "cleanup.policy": "compact",
    # They are read whole at every start, so what is superseded must go soon.
    "segment.ms": str(10 * 60 * 1000),
    "min.cleanable.dirty.ratio": "0.1",
}
# Tools of others read there, by any client (as of _OPEN), from its beginning. A tombstone stays a
# week, so that who reads the topic whole within that time does not miss that a tenant was erased.
_TABLE = {
    **_EVERY,
    "cleanup.policy": "compact",
    "compression.type": "uncompressed",
    "delete.retention.ms": str(7 * 24 * 3600 * 1000),
}

TOPICS: tuple[Topic, ...] = (
    Topic(
        REQUESTS,
        "requests to start a run",
        config={**_INPUT, "message.timestamp.type": "LogAppendTime"},
    ),
    Topic(CONTROLS, "what people ask of live runs", config=_INPUT),
    Topic(RESULTS, "what effect processors report", config=_INPUT),
    Topic(EVENTS, "the journal: the system of record", config=_FOREVER),
    Topic(COMPLETIONS, "how each run ended", config=_OPEN),
    *(Topic(kind.topic, f"{kind.name} calls for a pool", config=_WEEK) for kind in kinds.POOLED),
    Topic(PERMITS, "whether a pool may begin a call", config=_DAY),
    Topic(RESTORE, "where a lane may begin to read", config=_COMPACT),
    Topic(PARKED, "sleeping runs, carried forward", config=_COMPACT),
    Topic(TENANT_REQUESTS, "what runs ask of their tenants, and say to them", config=_WEEK),
    Topic(TENANT_EVENTS, "the journal of tenants: admissions and budgets", config=_FOREVER),
    Topic(TENANT_RESTORE, "where a lane of tenants may begin to read", config=_COMPACT),
    Topic(TENANT_PARKED, "sleeping tenants, carried forward", config=_COMPACT),
    Topic(DEAD_LETTERS, "inputs that could not be used", config=_FOREVER),
    Topic(REGISTRY, "agents, tools and model scripts", by_run=False, config=_COMPACT),
    Topic(FEEDBACK, "what people said about runs", config=_FOREVER),
    Topic(
        MODEL_DELTAS,
        "what models say while they answer: live only, never part of the record",
        config=_LIVE,
    ),
    Topic(
        SUMMARIES,
        "where each run stands, for stream-table tools: one schema, no contents",
        config=_TABLE,
    ),
    Topic(ALERTS, "what the monitor raised and cleared", by_run=False, config=_OPEN),
)

WHOLE = frozenset(topic.name for topic in TOPICS if not topic.by_run)
"""Topics of one partition, whatever the others have."""

OF_ONE_SCHEMA = frozenset({SUMMARIES})
"""Topics whose subject is named after the topic alone, where tools look for it by themselves."""

KEPT_WHOLE = frozenset(topic.name for topic in TOPICS if topic.config.get("retention.ms") == "-1")
"""Topics that keep everything: one that begins later than at offset 0 has lost something."""
