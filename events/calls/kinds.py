"""The kinds of calls that a run can ask for: one row a kind.

Topics, the catalogue of records, the engine, the pools and the generated pages read this table. A
new kind is a module with its work and its result, and a row here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from runfold.events.base import Record
from runfold.events.calls.base import CallResult, CallWork
from runfold.events.calls.context import ContextResult, ContextWork
from runfold.events.calls.model import ModelResult, ModelWork
from runfold.events.calls.policy import PolicyResult, PolicyWork
from runfold.events.calls.tool import ToolResult, ToolWork

W = TypeVar("W", bound=CallWork)
R = TypeVar("R", bound=CallResult)


@dataclass(frozen=True, slots=True)
class CallKind(Generic[W, R]):
    """A kind of call: its records, and the topic and consumer group of its pools.

    ``name``, ``topic`` and ``group`` are part of the public contract and never change: metrics,
    the log and its brokers know them. ``python -m runfold.processors.<name>`` is its pool. A kind
    without a topic is made by the run processor alone, and neither its work nor its result is on
    the log.
    """

    name: str
    work: type[W]
    result: type[R]
    topic: str = ""
    group: str = ""


MODEL = CallKind("model", ModelWork, ModelResult, "model.calls", "runfold-models")
TOOL = CallKind("tool", ToolWork, ToolResult, "tool.calls", "runfold-tools")
CONTEXT = CallKind("context", ContextWork, ContextResult, "context.calls", "runfold-contexts")

POLICY = CallKind("policy", PolicyWork, PolicyResult)

KINDS: tuple[CallKind[Any, Any], ...] = (MODEL, TOOL, CONTEXT, POLICY)

POOLED: tuple[CallKind[Any, Any], ...] = tuple(kind for kind in KINDS if kind.topic)
"""The kinds that pools can make."""

WORK_TOPICS: dict[type[Record], str] = {kind.work: kind.topic for kind in POOLED}
"""The topic that carries a kind's work to its pools."""
