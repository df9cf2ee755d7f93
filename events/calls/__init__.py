"""Work handed to the effect processors, and the results they report: one module a kind of call."""

from runfold.events.calls.base import CallResult, CallWork, Outcome
from runfold.events.calls.begin import BeginAnswered, BeginRequested
from runfold.events.calls.context import (
    ContextResult,
    ContextSource,
    ContextWork,
    SelectedContext,
    SourceKind,
)
from runfold.events.calls.model import Message, ModelResult, ModelWork, Role, ToolSchema
from runfold.events.calls.policy import PolicyQuestion, PolicyResult, PolicyWork, ServerAnswer
from runfold.events.calls.tool import ToolResult, ToolWork
from runfold.events.calls.transcript import TranscriptEntry

__all__ = [
    "BeginAnswered",
    "BeginRequested",
    "CallResult",
    "CallWork",
    "ContextResult",
    "ContextSource",
    "ContextWork",
    "Message",
    "ModelResult",
    "ModelWork",
    "Outcome",
    "PolicyQuestion",
    "PolicyResult",
    "PolicyWork",
    "Role",
    "SelectedContext",
    "ServerAnswer",
    "SourceKind",
    "ToolResult",
    "ToolSchema",
    "ToolWork",
    "TranscriptEntry",
]
