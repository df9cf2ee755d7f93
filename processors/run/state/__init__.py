"""What is known of a run after folding its events: frozen data, nothing else.

``run.py`` holds the lifecycle that every run has, ``loop.py`` what an agent loop adds, ``calls.py``
the calls that are open, ``consent.py`` who let them happen.
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
    PolicyCall,
    Proposal,
    RoundCall,
)
from runfold.processors.run.state.changing import changed
from runfold.processors.run.state.consent import PLAIN, Consent, Grant
from runfold.processors.run.state.loop import AgentLoop, Selection, Transcript
from runfold.processors.run.state.run import (
    LIMIT_OF,
    Attempts,
    Body,
    Budget,
    Ended,
    Live,
    Pinned,
    RunState,
    SinceCheckpoint,
    Used,
    Waiting,
    loop_changed,
)
from runfold.processors.run.state.standing import (
    NO_MORE,
    Asking,
    Entry,
    Hold,
    Idle,
    Met,
    More,
    Pace,
)
from runfold.processors.run.state.watch import Judged, Mark, Progress, Sample, Seen, Wait, Watch

__all__ = [
    "LIMIT_OF",
    "NO_MORE",
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
    "DryRunCall",
    "Ended",
    "Entry",
    "Grant",
    "Hold",
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
