"""How a run begins, what is said to it, and how it ends."""

from __future__ import annotations

from runfold.events.base import Fact, Said, Symbol
from runfold.events.calls.children import Lineage, TreeUsed
from runfold.events.contents.content import Content
from runfold.events.people.origin import Origin
from runfold.events.people.proved import Proved
from runfold.events.traits import Cause, Tone, Traits
from runfold.events.values import ErrorInfo, Exit, Limits, Pin, RunRequest, RunStatus

__all__ = [
    "MessageKind",
    "RunCancelled",
    "RunCompleted",
    "RunCreated",
    "RunFailed",
    "RunRefused",
    "RunStarted",
    "UserMessageReceived",
]


def _accepted(fact: RunCreated) -> str:
    said = "accepted: {agent.name} {agent.version} for {request.user_id}"
    if not fact.unpriced:
        return said
    return said + ". Its limit of money cannot be kept: no price of {model:model} is known"


class RunCreated(Fact):
    """The request was accepted; it pins everything that the run will use [177].

    ``request.goal`` names the goal by its digest; its words are in the first
    ``UserMessageReceived``. ``rulebook`` is the registry position the pins were resolved at.
    ``requester_trace`` is the requester's own W3C trace context, as the request's header said it.
    ``behaviour`` is the version of the decider that decides the run to its end. ``unpriced`` warns:
    the run has a limit of money, and the run processor knew no price of one of its models.
    ``proof`` is what the requester's credential proved, where one was asked for or given; the facts
    of controls have the same. ``profile`` is the response profile that the request named.
    ``lineage`` is there where another run asked for it.
    """

    traits = Traits(
        reads=_accepted,
        cause=Cause.SENDER,
        status=(RunStatus.CREATED,),
    )

    request: RunRequest
    agent: Pin
    tools: tuple[Pin, ...]
    prompt_version: str
    model: str
    limits: Limits
    rulebook: int
    requester_trace: str | None = None
    behaviour: int = 1
    unpriced: bool = False
    proof: Proved | None = None
    profile: Pin | None = None
    lineage: Lineage | None = None


class RunRefused(Fact):
    """The request was understood but is not admissible; the run ends as failed."""

    traits = Traits(
        reads="refused: {reason}",
        cause=Cause.SENDER,
        tone=Tone.BAD,
        status=(RunStatus.FAILED,),
    )

    request: RunRequest
    code: str
    reason: Said
    rulebook: int
    exit: Exit
    behaviour: int = 1
    proof: Proved | None = None
    lineage: Lineage | None = None


class RunStarted(Fact):
    """The run was admitted."""

    traits = Traits(reads="admitted", tone=Tone.QUIET, status=(RunStatus.PLANNING,))


class MessageKind(Symbol):
    """What a message to a run is."""

    UNKNOWN = "unknown"
    GOAL = "goal"
    MESSAGE = "message"
    INSTRUCTIONS = "instructions"


class UserMessageReceived(Fact):
    """A person said something to the run: its goal, a message, or edited instructions."""

    traits = Traits(reads="{kind:message}: {content:content}", cause=Cause.SENDER)

    message_id: str
    kind: MessageKind
    content: Content
    request_id: str | None = None
    proof: Proved | None = None
    origin: Origin | None = None


class Ending(Fact):
    """What every end of a run that had begun says: its exit record, and whose run it was.

    ``tree`` is what it used together with the runs that it asked for, where it asked for any.
    ``parent_attempt`` is that of its parent's call, where a run asked for it and not a client.
    """

    exit: Exit
    agent: str
    agent_version: str
    user_id: str
    thread_id: str | None = None
    parent_run_id: str | None = None
    parent_call_id: str | None = None
    tree: TreeUsed | None = None
    parent_attempt: int | None = None


class RunCompleted(Ending):
    """The run met its goal and said so through ``complete_task`` [4]."""

    traits = Traits(
        reads="completed: {exit.payload:result} [{exit.usage:calls}]",
        tone=Tone.GOOD,
        status=(RunStatus.COMPLETED,),
    )


class RunFailed(Ending):
    """The run ended without meeting its goal."""

    traits = Traits(reads="failed: {error.message:long}", tone=Tone.BAD, status=(RunStatus.FAILED,))

    error: ErrorInfo


class RunCancelled(Ending):
    """A person ended the run."""

    traits = Traits(
        reads="cancelled by a person{reason:because}",
        cause=Cause.SENDER,
        tone=Tone.BAD,
        status=(RunStatus.CANCELLED,),
    )

    reason: Said
    request_id: str
    proof: Proved | None = None
    origin: Origin | None = None
