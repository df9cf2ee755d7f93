"""What each process may have to do at the brokers: the one table of access rights.

docs/secured.md shows it, ``permits`` asks for it, and a test runs the product with it and no more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from runfold.events import topics
from runfold.events.calls import kinds
from runfold.events.topics import TOPICS
from runfold.infra.deployment.naming import Naming

Kind = Literal["topic", "group", "transactional-id"]
READ, WRITE = "READ", "WRITE"
DESCRIBE, DESCRIBE_CONFIGS = "DESCRIBE", "DESCRIBE_CONFIGS"

GROUPS = "runfold-"
"""How the name of every consumer group of Runfold begins."""

RUN_BY_UP = ("runfold-runs", "runfold-tools", "runfold-projector", "runfold-monitor")
"""The processes that every deployment has."""

PREPARE = "runfold.stack.prepare"
CLI = "runfold"

LANES = "runfold-runs-"
"""How the transactional ids of the run processor begin; the partition's number follows."""

TENANT_LANES = "runfold-tenants-"
"""The same of the lanes of tenants."""

SUMMARIES = "runfold-summaries-"
"""The same of the projector, which writes the summaries of runs."""


@dataclass(frozen=True, slots=True)
class Right:
    """One operation on one resource; ``prefixed``: on all whose names begin so."""

    kind: Kind
    name: str
    operation: str
    prefixed: bool = False

    def of(self, naming: Naming) -> Right:
        """Return the right on what a deployment calls so."""
        return replace(self, name=naming.full(self.name))

    def command(self, principal: str) -> str:
        """Return the command that grants it."""
        pattern = " --resource-pattern-type prefixed" if self.prefixed else ""
        words = self.operation.title().replace("_", "")
        return (
            f"kafka-acls --add --allow-principal '{principal}' --operation {words} "
            f"--{self.kind} {self.name}{pattern}"
        )


@dataclass(frozen=True, slots=True)
class Program:
    """A process, as people call it, and what it must be allowed to do.

    ``transactions`` is a transactional id that may be tried out without taking it from anybody,
    ``sessions`` says that it is a member of a group in the classic protocol.
    """

    called: str
    rights: tuple[Right, ...]
    transactions: str = ""
    sessions: bool = False


def _topics(operation: str, *names: str) -> tuple[Right, ...]:
    return tuple(Right("topic", name, operation) for name in names)


def _groups(*names: str) -> tuple[Right, ...]:
    return tuple(Right("group", f"{GROUPS}{name}", READ) for name in names)


_WHETHER_WHOLE = (*_topics(DESCRIBE, topics.EVENTS), *_topics(DESCRIBE_CONFIGS, topics.EVENTS))
"""What shows that a deployment is not half restored."""


def _pool(called: str, kind: kinds.CallKind, *more: Right) -> Program:  # type: ignore[type-arg]
    return Program(
        called,
        (
            *_topics(READ, kind.topic, topics.PERMITS),
            *_topics(WRITE, topics.RESULTS, topics.DEAD_LETTERS),
            Right("group", kind.group, READ),
            *_groups("readers"),
            *_WHETHER_WHOLE,
            *more,
        ),
        sessions=True,
    )


_TRIED = f"{LANES}preflight"
_OF_TENANTS = (topics.TENANT_EVENTS, topics.TENANT_RESTORE, topics.TENANT_PARKED)
_PROJECTED = (topics.EVENTS, topics.TENANT_EVENTS, topics.DEAD_LETTERS, topics.REGISTRY)
_OF_OTHERS = frozenset({topics.ALERTS, topics.FEEDBACK, topics.SUMMARIES})
_DEFINITIONS = (*_topics(READ, topics.REGISTRY), *_groups("registry"))

PROGRAMS: dict[str, Program] = {
    "runfold-runs": Program(
        "the run processor",
        (
            *_topics(READ, topics.REQUESTS, topics.CONTROLS, topics.RESULTS, topics.EVENTS),
            *_topics(READ, topics.COMPLETIONS, topics.RESTORE, topics.PARKED),
            *_topics(WRITE, topics.EVENTS, topics.COMPLETIONS, topics.DEAD_LETTERS),
            *_topics(WRITE, topics.PERMITS, topics.RESULTS, topics.MODEL_DELTAS),
            # Of tenants: their lanes run in the same process.
            *_topics(READ, topics.TENANT_REQUESTS, *_OF_TENANTS),
            *_topics(WRITE, topics.TENANT_REQUESTS, *_OF_TENANTS),
            *_topics(WRITE, topics.RESTORE, topics.PARKED, *(kind.topic for kind in kinds.POOLED)),
            *_DEFINITIONS,
            *_groups("runs-positions", "runs-owners", "restore", "readers"),
            *_groups("tenants-positions", "tenants-owners"),
            # Whether each is kept as the guarantees need it; it has nothing to do with the others.
            *_topics(DESCRIBE_CONFIGS, *(t.name for t in TOPICS if t.name not in _OF_OTHERS)),
            Right("transactional-id", LANES, WRITE, prefixed=True),
            Right("transactional-id", TENANT_LANES, WRITE, prefixed=True),
        ),
        transactions=_TRIED,
    ),
    "runfold-tools": _pool("the tool pool", kinds.TOOL, *_DEFINITIONS),
    "runfold-models": _pool(
        "the model pool", kinds.MODEL, *_DEFINITIONS, *_topics(WRITE, topics.MODEL_DELTAS)
    ),
    "runfold-contexts": _pool("the context pool", kinds.CONTEXT, *_topics(READ, topics.REGISTRY)),
    "runfold-projector": Program(
        "the projector",
        (
            *_topics(READ, *_PROJECTED),
            *_topics(DESCRIBE_CONFIGS, *_PROJECTED, topics.SUMMARIES),
            *_topics(WRITE, topics.SUMMARIES),
            Right("transactional-id", SUMMARIES, WRITE, prefixed=True),
            *_groups("projector", "projector-owners", "readers"),
        ),
        transactions=f"{SUMMARIES}preflight",
    ),
    "runfold-monitor": Program(
        "the monitor",
        (
            *_topics(READ, topics.EVENTS, topics.DEAD_LETTERS, topics.ALERTS),
            *_topics(READ, topics.RESTORE, topics.PARKED),
            *_topics(WRITE, topics.ALERTS),
            *_WHETHER_WHOLE,
            *_groups("monitor", "readers"),
            Right("transactional-id", "runfold-monitor-alerts", WRITE),
        ),
    ),
    "runfold-gateway": Program(
        "the gateway",
        (
            *_topics(WRITE, topics.REQUESTS, topics.CONTROLS, topics.REGISTRY, topics.FEEDBACK),
            # Of requests: a run that was asked for is there, before its first event is.
            *_topics(READ, topics.REQUESTS, topics.EVENTS, topics.COMPLETIONS, topics.REGISTRY),
            *_topics(READ, topics.DEAD_LETTERS, topics.TENANT_EVENTS, topics.FEEDBACK),
            *_topics(READ, topics.MODEL_DELTAS),
            *_topics(DESCRIBE_CONFIGS, topics.EVENTS),
            *_groups("readers"),
        ),
    ),
    "runfold-delivery": Program(
        "delivery",
        (
            *_topics(READ, topics.EVENTS, topics.TENANT_EVENTS, topics.ALERTS, topics.REGISTRY),
            # It switches off subscriptions whose receivers are gone.
            *_topics(WRITE, topics.REGISTRY),
            *_WHETHER_WHOLE,
            *_groups("delivery-owners", "registry", "readers"),
        ),
    ),
    PREPARE: Program(
        "`prepare`",
        tuple(Right("topic", topic.name, DESCRIBE_CONFIGS) for topic in TOPICS),
        # It speaks for the whole deployment, perhaps as somebody who may not write to it.
        transactions=_TRIED,
        sessions=True,
    ),
    CLI: Program(
        "the command line",
        (
            *_topics(WRITE, topics.REQUESTS, topics.CONTROLS, topics.REGISTRY),
            *_topics(READ, topics.EVENTS, topics.COMPLETIONS, topics.REGISTRY),
            *_topics(READ, topics.DEAD_LETTERS, topics.ALERTS, topics.TENANT_EVENTS),
            # Of feedback: an export of a tenant has all of it.
            *_topics(READ, topics.FEEDBACK),
            *_groups("readers"),
        ),
    ),
}
"""By the name of each process in traces, and by its module where it has none."""
