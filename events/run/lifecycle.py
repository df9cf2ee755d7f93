"""How a run begins, what is said to it, and how it ends."""

from __future__ import annotations

from runfold.events.base import Fact, Money, Record, Symbol
from runfold.events.content import Content
from runfold.events.values import ErrorInfo, Exit, Limits, Pin, Plan, RunRequest


class RunCreated(Fact):
    """The request was accepted; it pins everything that the run will use [177].

    ``request.goal`` names the goal by its digest; its words are in the first
    ``UserMessageReceived``. ``rulebook`` is the registry position the pins were resolved at.
    ``requester_trace`` is the requester's own W3C trace context, as the request's header said it.
    """

    request: RunRequest
    agent: Pin
    tools: tuple[Pin, ...]
    prompt_version: str
    model: str
    limits: Limits
    rulebook: int
    requester_trace: str | None = None


class RunRefused(Fact):
    """The request was understood but is not admissible; the run ends as failed."""

    request: RunRequest
    code: str
    reason: str
    rulebook: int
    exit: Exit


class RunQueued(Fact):
    """The run waits for admission."""

    reason: str


class RunStarted(Fact):
    """The run was admitted."""


class MessageKind(Symbol):
    """What a message to a run is."""

    UNKNOWN = "unknown"
    GOAL = "goal"
    MESSAGE = "message"
    INSTRUCTIONS = "instructions"


class UserMessageReceived(Fact):
    """A person said something to the run: its goal, a message, or edited instructions."""

    message_id: str
    kind: MessageKind
    content: Content
    request_id: str | None = None


class ContextRef(Record):
    """One thing that the model will see."""

    kind: str
    id: str
    digest: bytes


class DroppedContext(Record):
    """One thing that was left out of the context, and why."""

    ref: ContextRef
    reason: str


class ContextHydrated(Fact):
    """What the model will see next.

    ``refs`` lists what was added since the previous ContextHydrated of the run, so that a long
    run's journal grows with its steps; ``digest`` covers the whole context.
    """

    refs: tuple[ContextRef, ...]
    digest: bytes
    messages: int
    token_estimate: int
    dropped: tuple[DroppedContext, ...] = ()
    redactions: int = 0


class PlanProposed(Fact):
    """The model proposed an explicit plan [49]."""

    plan: Plan
    call_id: str | None = None
    provider_call_id: str | None = None


class PlanRevised(Fact):
    """The plan was changed, by the model or by a person [50]."""

    plan: Plan
    reason: str
    call_id: str | None = None
    provider_call_id: str | None = None
    request_id: str | None = None


class PlanStepAdvanced(Fact):
    """One step of the plan changed its status."""

    step_id: str
    status: str


class ReflectionRecorded(Fact):
    """A critic's structured outcome [54]."""

    passed: bool
    issues: tuple[str, ...]
    next_action: str
    model_call_id: str | None = None


class LimitReached(Fact):
    """A hard limit of the run was met [55]; ``used`` and ``allowed`` are in its own unit."""

    limit: str
    used: str
    allowed: str
    action: str


class BudgetReserved(Fact):
    """Money was set aside for a call before it was made."""

    call_id: str
    amount: Money
    spent_before: Money
    reserved_before: Money
    limit: Money


class BudgetSettled(Fact):
    """A reservation was replaced by the actual cost."""

    call_id: str
    reserved: Money
    actual: Money
    spent_after: Money
    limit: Money


class Ending(Fact):
    """What every end of a run that had begun says: its exit record, and whose run it was."""

    exit: Exit
    agent: str
    agent_version: str
    user_id: str
    thread_id: str | None = None
    parent_run_id: str | None = None
    parent_call_id: str | None = None


class RunCompleted(Ending):
    """The run met its goal and said so through ``complete_task`` [4]."""


class RunFailed(Ending):
    """The run ended without meeting its goal."""

    error: ErrorInfo


class RunCancelled(Ending):
    """A person ended the run."""

    reason: str
    request_id: str
