"""Which records travel on which topic: the subjects of the schema registry."""

from __future__ import annotations

from runfold.events import alerts, effects, inputs, journal, operations, topics
from runfold.events.base import Fact, Record

TERMINAL_FACTS: tuple[type[Fact], ...] = (
    journal.RunCompleted,
    journal.RunFailed,
    journal.RunCancelled,
    journal.RunRefused,
)

FACTS: tuple[type[Fact], ...] = tuple(
    member
    for name in journal.__all__
    if isinstance(member := getattr(journal, name), type) and issubclass(member, Fact)
)

CONTROLS: tuple[type[inputs.Control], ...] = (
    inputs.ApproveToolCall,
    inputs.DenyToolCall,
    inputs.ResolveToolCall,
    inputs.PauseRun,
    inputs.ResumeRun,
    inputs.CancelRun,
    inputs.SendMessage,
    inputs.EditInstructions,
    inputs.AnswerQuestion,
)

CATALOGUE: dict[str, tuple[type[Record], ...]] = {
    topics.REQUESTS: (inputs.RunRequested,),
    topics.CONTROLS: CONTROLS,
    topics.RESULTS: (effects.ModelResult, effects.ToolResult),
    topics.EVENTS: (*FACTS, operations.PositionNoted),
    topics.COMPLETIONS: TERMINAL_FACTS,
    topics.MODEL_CALLS: (effects.ModelWork,),
    topics.TOOL_CALLS: (effects.ToolWork,),
    topics.RESTORE: (operations.RestorePoint,),
    topics.PARKED: (operations.ParkedRun,),
    topics.DEAD_LETTERS: (operations.DeadLetter,),
    topics.REGISTRY: (operations.DefinitionPublished,),
    topics.ALERTS: (alerts.AlertRaised, alerts.AlertCleared),
}
"""Topic name to the records it may carry; an event's ``meta`` precedes the fields of a fact."""
