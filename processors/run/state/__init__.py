"""What is known of a run after folding its events: frozen data, nothing else.

``run.py`` holds the lifecycle that every run has, ``loop.py`` what an agent loop adds, ``calls.py``
the calls that are open.
"""

from runfold.processors.run.state.calls import (
    WAITS_FOR_HUMAN,
    Call,
    CallStatus,
    ModelCall,
    Proposal,
)
from runfold.processors.run.state.changing import changed
from runfold.processors.run.state.loop import AgentLoop, Context
from runfold.processors.run.state.run import (
    Attempts,
    Body,
    Budget,
    Ended,
    Idle,
    Live,
    Pinned,
    RunState,
    SinceCheckpoint,
    Used,
    Waiting,
    loop_changed,
)

__all__ = [
    "WAITS_FOR_HUMAN",
    "AgentLoop",
    "Attempts",
    "Body",
    "Budget",
    "Call",
    "CallStatus",
    "Context",
    "Ended",
    "Idle",
    "Live",
    "ModelCall",
    "Pinned",
    "Proposal",
    "RunState",
    "SinceCheckpoint",
    "Used",
    "Waiting",
    "changed",
    "loop_changed",
]
