"""What is known of a run after folding its events: frozen data, nothing else.

``run.py`` holds the lifecycle that every run has, ``loop.py`` what an agent loop adds, ``calls.py``
the calls that are open.
"""

from runfold.processors.run.state.calls import (
    WAITS_FOR_HUMAN,
    Beginning,
    CallStatus,
    ContextCall,
    DryRunCall,
    JudgeCall,
    ModelCall,
    OpenCall,
    Proposal,
    RoundCall,
)
from runfold.processors.run.state.changing import changed
from runfold.processors.run.state.loop import AgentLoop, Selection, Transcript
from runfold.processors.run.state.run import (
    LIMIT_OF,
    NO_MORE,
    Attempts,
    Body,
    Budget,
    Ended,
    Entry,
    Idle,
    Live,
    Met,
    More,
    Pace,
    Pinned,
    RunState,
    SinceCheckpoint,
    Used,
    Waiting,
    loop_changed,
)
from runfold.processors.run.state.watch import Judged, Mark, Progress, Sample, Seen, Wait, Watch

__all__ = [
    "LIMIT_OF",
    "NO_MORE",
    "WAITS_FOR_HUMAN",
    "AgentLoop",
    "Attempts",
    "Beginning",
    "Body",
    "Budget",
    "CallStatus",
    "ContextCall",
    "DryRunCall",
    "Ended",
    "Entry",
    "Idle",
    "JudgeCall",
    "Judged",
    "Live",
    "Mark",
    "Met",
    "ModelCall",
    "More",
    "OpenCall",
    "Pace",
    "Pinned",
    "Progress",
    "Proposal",
    "RoundCall",
    "RunState",
    "Sample",
    "Seen",
    "Selection",
    "SinceCheckpoint",
    "Transcript",
    "Used",
    "Wait",
    "Waiting",
    "Watch",
    "changed",
    "loop_changed",
]
