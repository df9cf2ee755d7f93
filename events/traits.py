"""What a fact means beside its fields, declared once, by the fact's own class.

Every fact's class has ``traits``: who caused it, what it does to a call, what it costs, whether it
ends its run, how it reads. Whoever counts, shows, sums or traces facts asks the traits and does
not know the classes, so a new fact is one place (ADR 31).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, NamedTuple, Protocol

from runfold.events.base import Fact
from runfold.events.calls.kinds import MODEL, TOOL
from runfold.events.values import TERMINAL, Attribution, PriceSnapshot, RunStatus, Usage


class Cause(Enum):
    """Whose words or decision a fact records."""

    PROCESSOR = "the run processor"
    SENDER = "the sender of the input: a client, a person, a model, a tool or a timer"
    MODEL = "the model that answered"
    POLICY = "the policy"
    POLICY_OR_SENDER = "the policy; where a person or a deadline decided, they"


PERSON = "person"
"""The kind of a call that a person answers; the others are the names of ``calls.kinds.KINDS``."""

JUDGE = "judge"
"""The kind of a call that judges the run; its work is that of a model."""

DRY_RUN = "dry_run"
"""The kind of a call that tries another without an effect; its work is that of a tool."""


class CallMove(Enum):
    """What a fact does to a call."""

    PROPOSES = "proposes"
    ASKS = "asks a person about"
    PERMITS = "permits"
    OPENS = "opens"
    BEGINS = "begins"
    HOLDS = "holds for a later attempt"
    DOUBTS = "leaves in doubt"
    FAILS = "closes without an answer"
    CLOSES = "closes"


@dataclass(frozen=True, slots=True)
class CallTrait:
    """What a fact does to the call whose id is in its field ``id_field``.

    ``kind`` is a name of ``calls.kinds.KINDS``, PERSON, DRY_RUN or JUDGE, None a call of
    any kind; ``status`` is
    where the call stands after it, as the views say it.
    """

    kind: str | None
    move: CallMove
    status: str
    id_field: str = "call_id"


class Tone(StrEnum):
    """How loud a fact is where people read it."""

    QUIET = "quiet"
    PLAIN = "plain"
    ASK = "ask"
    WARNING = "warning"
    GOOD = "good"
    BAD = "bad"


NOTHING_USED = Usage()
"""The tokens of what counts none."""


class Charge(NamedTuple):
    """What one fact says was paid for: by whom, for which call, priced or not, late or not.

    ``kind`` is a name of ``calls.kinds.KINDS`` or DRY_RUN, and the column ``kind`` of ``costs``;
    ``name`` is the model's or the tool's; ``cost`` is in US dollars and None where no price is
    known, which is not zero.
    """

    kind: str
    name: str
    call_id: str
    attempt: int
    cost: Decimal | None
    attribution: Attribution
    usage: Usage = NOTHING_USED
    provider: str | None = None
    price: PriceSnapshot | None = None
    late: bool = False

    @property
    def model(self) -> str | None:
        """The model's name, None where something else was paid for."""
        return self.name if self.kind == MODEL.name else None

    @property
    def tool(self) -> str | None:
        """The name of what was paid for, None where it is a model."""
        return None if self.kind == MODEL.name else self.name


Words = str | Callable[[Any], str]
"""A template over a fact's fields (``{tool} took {latency_ms} ms``), or what returns one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a fact means.

    ``reads`` says the fact to people; its format specs are those of ``surfaces/words.py``.
    ``status`` is the run's status after it where no other call is open and the run is not paused;
    empty leaves it. ``moment`` is what a trace says of it, never what somebody said; None leaves it
    out. ``in_vain`` says that what it cost brought nothing. ``reserved`` facts have a schema and
    no decider yet.
    """

    reads: Words
    cause: Cause = Cause.PROCESSOR
    tone: Tone = Tone.PLAIN
    status: tuple[RunStatus, ...] = ()
    call: CallTrait | None = None
    charge: Callable[[Any], Charge | None] | None = None
    in_vain: bool = False
    moment: Words | None = None
    reserved: bool = False

    @property
    def ends(self) -> RunStatus | None:
        """The status that the run ends with, None where it goes on."""
        return self.status[0] if self.status and self.status[0] in TERMINAL else None


def charge_of(fact: Fact) -> Charge | None:
    """Return what a fact says was paid for; None where it says nothing of money."""
    charge = fact.traits.charge
    return None if charge is None else charge(fact)


def moment_of(fact: Fact) -> str | None:
    """Return what a trace says of a fact; None where it leaves the fact out."""
    moment = fact.traits.moment
    if moment is None:
        return None
    template = moment if isinstance(moment, str) else moment(fact)
    return template.format_map(vars(fact))


class _PaidModel(Protocol):
    """The fields that a model's answer says its charge with."""

    call_id: str
    attempt: int
    model: str
    provider: str
    usage: Usage
    cost: Decimal | None
    price: PriceSnapshot | None
    attribution: Attribution


class _PaidTool(Protocol):
    """The fields that a tool's result says its charge with."""

    call_id: str
    attempt: int
    tool: str
    cost: Decimal | None
    attribution: Attribution | None


def model_charge(fact: _PaidModel) -> Charge:
    """Return the charge of a model's answer, priced or not."""
    return Charge(
        MODEL.name,
        fact.model,
        fact.call_id,
        fact.attempt,
        fact.cost,
        fact.attribution,
        fact.usage,
        fact.provider,
        fact.price,
    )


def tool_charge(fact: _PaidTool) -> Charge | None:
    """Return the charge of a tool's result; one without a price in its contract has none."""
    if fact.cost is None or fact.attribution is None:
        return None
    return Charge(TOOL.name, fact.tool, fact.call_id, fact.attempt, fact.cost, fact.attribution)


def dry_run_charge(fact: _PaidTool) -> Charge | None:
    """Return the charge of a dry run, which is no call of its tool."""
    charge = tool_charge(fact)
    return None if charge is None else charge._replace(kind=DRY_RUN)
