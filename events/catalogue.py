"""Which records travel on which topic: the subjects of the schema registry."""

from __future__ import annotations

from runfold.events import run, tenant, topics
from runfold.events.base import Fact, Record
from runfold.events.calls import children
from runfold.events.calls.begin import BeginAnswered, BeginRequested
from runfold.events.calls.kinds import POOLED
from runfold.events.definitions.store import records as definitions
from runfold.events.records import alerts, commands, deltas, feedback, operations, summaries

FACTS: tuple[type[Fact], ...] = tuple(
    member
    for _, member in sorted(vars(run).items())
    if isinstance(member, type) and issubclass(member, Fact)
)

TERMINAL_FACTS: tuple[type[Fact], ...] = tuple(fact for fact in FACTS if fact.traits.ends)
"""Those that end their run."""

CHARGED: frozenset[type[Fact]] = frozenset(fact for fact in FACTS if fact.traits.charge)
"""Those that may say what was paid for."""

CONTROLS: tuple[type[commands.Control], ...] = (
    commands.ApproveToolCall,
    commands.DenyToolCall,
    commands.ResolveToolCall,
    commands.PauseRun,
    commands.ResumeRun,
    commands.CancelRun,
    commands.ExtendRun,
    commands.DenyExtension,
    commands.SendMessage,
    commands.EditInstructions,
    commands.AnswerQuestion,
    commands.TakeOverRun,
    commands.ReplyAsModel,
    commands.GiveResult,
    commands.HandBackRun,
)

CATALOGUE: dict[str, tuple[type[Record], ...]] = {
    topics.REQUESTS: (commands.RunRequested,),
    topics.CONTROLS: CONTROLS,
    topics.RESULTS: (
        *(kind.result for kind in POOLED),
        BeginRequested,
        tenant.AdmissionAnswered,
        tenant.ExtensionAnswered,
        children.ChildRequested,
        children.ChildEnded,
        children.ParentSignal,
    ),
    topics.EVENTS: (*FACTS, operations.PositionNoted),
    topics.COMPLETIONS: TERMINAL_FACTS,
    **{kind.topic: (kind.work,) for kind in POOLED},
    topics.PERMITS: (BeginAnswered,),
    topics.RESTORE: (operations.RestorePoint,),
    topics.PARKED: (operations.ParkedRun,),
    topics.TENANT_REQUESTS: (
        tenant.AdmissionAsked,
        tenant.RunReturned,
        tenant.ExtensionAsked,
        tenant.LateCostReported,
    ),
    topics.TENANT_EVENTS: (*tenant.FACTS, operations.PositionNoted),
    topics.TENANT_RESTORE: (operations.RestorePoint,),
    topics.TENANT_PARKED: (tenant.ParkedTenant,),
    topics.DEAD_LETTERS: (operations.DeadLetter,),
    topics.REGISTRY: definitions.RECORDS,
    topics.FEEDBACK: (feedback.FeedbackGiven,),
    topics.MODEL_DELTAS: (deltas.ModelDelta,),
    topics.SUMMARIES: (summaries.RunSummary,),
    topics.ALERTS: (alerts.AlertRaised, alerts.AlertCleared),
}
"""Topic name to the records it may carry; an event's ``meta`` precedes the fields of a fact."""
