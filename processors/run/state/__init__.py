"""What is known of a run after folding its events: frozen data, nothing else.

``run.py`` holds the lifecycle that every run has, ``loop.py`` what an agent loop adds, ``calls.py``
the calls that are open, ``consent.py`` who let them happen.
"""

from runfold.processors.run.state.calls import (
    WAITS_FOR_HUMAN,
    Beginning,
    CallStatus,
    ContextCall,
    ModelCall,
    OpenCall,
    PolicyCall,
    Proposal,
    RoundCall,
)
from runfold.processors.run.state.changing import changed
from runfold.processors.run.state.consent import PLAIN, Consent, Grant
from runfold.processors.run.state.loop import AgentLoop, Selection, Transcript
from runfold.processors.run.state.run import (
    Asking,
    Attempts,
    Body,
    Budget,
    Ended,
    Entry,
    Hold,
    Idle,
    Live,
    Pinned,
    RunState,
    SinceCheckpoint,
    Used,
    Waiting,
    loop_changed,
)
from runfold.processors.run.state.watch import Progress, Sample, Seen, Wait, Watch

__all__ = [
    "PLAIN",
    "WAITS_FOR_HUMAN",
    "AgentLoop",
    "Asking",
    "Attempts",
    "Beginning",
    "Body",
    "Budget",
    "CallStatus",
    "Consent",
    "ContextCall",
    "Ended",
    "Entry",
    "Grant",
    "Hold",
    "Idle",
    "Live",
    "ModelCall",
    "OpenCall",
    "Pinned",
    "PolicyCall",
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
