"""Tests of agents and tools, without servers: in one process, on a virtual clock, in milliseconds.

``MemoryRuntime`` drives whole runs, with ``FakeModel`` in the place of a model. ``ToolBench``
calls one tool as a pool does. ``Story`` specifies decisions by Given / When / Then.
``record_history`` keeps what happened, and ``check_history`` decides it again.
"""

from runfold.testing.answers import (
    NEVER,
    FakeModel,
    Said,
    answer,
    broken_call,
    call,
    complete,
    error,
    fail,
    later,
    silence,
)
from runfold.testing.history import History, check_history, record_history
from runfold.testing.run import MemoryRun
from runfold.testing.runtime import MemoryRuntime
from runfold.testing.story import START, Story
from runfold.testing.tools import Slow, ToolBench, ToolOutcome, slow

__all__ = [
    "NEVER",
    "START",
    "FakeModel",
    "History",
    "MemoryRun",
    "MemoryRuntime",
    "Said",
    "Slow",
    "Story",
    "ToolBench",
    "ToolOutcome",
    "answer",
    "broken_call",
    "call",
    "check_history",
    "complete",
    "error",
    "fail",
    "later",
    "record_history",
    "silence",
    "slow",
]
