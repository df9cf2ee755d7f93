"""What a person is shown before deciding, and for how much an approval holds.

``shown_digest`` is the one place that says what a decision is about: whoever decides sends the
digest back, and one that is not of the open question is refused.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal

from runfold.events.base import Record, Said, Symbol, money
from runfold.events.contents.content import canonical_json

SHOWN = "runfold.shown/1"
"""The version of what is digested; another order, or another part, is another version."""

MOST_APPROVERS = 9
"""How many persons a policy may demand for one call."""

MOST_USES = 1_000
"""For how many calls one approval may hold."""


class HoldsFor(Symbol):
    """For what an approval holds."""

    UNKNOWN = "unknown"
    ONCE = "once"
    RUN = "run"
    TOOL = "tool"
    PATTERN = "pattern"


class ArgumentBound(Record):
    """What the argument at a JSON pointer must be: one of some values, or a number within bounds.

    ``one_of`` holds JSON texts. ``at_least`` and ``at_most`` are decimal numbers; without
    ``at_least`` a number below zero is not within ``at_most``.
    """

    pointer: str
    one_of: tuple[Said, ...] = ()
    at_least: Said | None = None
    at_most: Said | None = None


class Holds(Record):
    """For what an approval holds: this call, and others of the same run.

    ``run`` covers calls of any tool up to the level of the approved one, ``tool`` those of the same
    tool, ``pattern`` those of the same tool whose arguments are within ``where``. ``times`` counts
    calls, the approved one among them.
    """

    scope: HoldsFor
    times: int = 10
    where: tuple[ArgumentBound, ...] = ()


class Approver(Record):
    """A person who approved, with the roles that the approval came with.

    ``on_behalf_of`` is who is absent and has delegated to them: both count as the same approval.
    """

    id: str
    roles: tuple[str, ...] = ()
    on_behalf_of: str | None = None


class ApprovalTerms(Record):
    """What policies demand of an approval; the defaults are what holds without policies.

    ``approvers`` different persons; the requester of the run among them if ``requester``; for this
    call alone if ``once``; with the digest of what was shown if ``shown``.
    """

    approvers: int = 1
    requester: bool = True
    once: bool = False
    shown: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown to whoever decides on a call or answers a question.

    ``content`` is the digest of the arguments, or of the question; ``goal`` that of the run's goal.
    ``tool`` is ``name@version``, empty for a question; ``effect`` is what its contract says that it
    changes. ``cost`` is in US dollars, what the run had cost when it asked. ``dry_run`` is the
    digest of what the call's dry run said, empty where it had none.
    """

    call_id: str
    attempt: int
    tool: str
    content: bytes
    options: tuple[str, ...]
    level: int
    effect: str
    reversible: bool | None
    agent: str
    user: str
    goal: bytes
    cost: Decimal
    dry_run: bytes = b""


def shown_digest(shown: Shown) -> bytes:
    """Return the sha256 of what is shown: of a canonical JSON list that begins with its version."""
    said = [
        SHOWN,
        shown.call_id,
        shown.attempt,
        shown.tool,
        shown.content.hex(),
        list(shown.options),
        shown.level,
        shown.effect,
        shown.reversible,
        shown.agent,
        shown.user,
        shown.goal.hex(),
        f"{money(shown.cost):f}",
        shown.dry_run.hex(),
    ]
    return hashlib.sha256(canonical_json(said).encode()).digest()
