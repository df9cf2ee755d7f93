"""What the brakes of a run remember: bounded, however long the run is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

WINDOW = 32
"""How many calls, plans, samples and unfounded claims are remembered at the most."""


@dataclass(frozen=True)
class Seen:
    """A call of a round that is over; ``number`` counts them in the run.

    ``same`` is equal for the same tool with the same arguments, ``alike`` for nearly the same.
    ``outcome`` is ``succeeded``, ``failed`` or ``denied``, ``risk`` the level of the tool.
    ``tainted`` says that the run had read what strangers wrote when it was proposed.
    """

    number: int
    call_id: str
    tool: str
    same: bytes
    alike: bytes
    outcome: str = "succeeded"
    risk: int = 0
    tainted: bool = False


@dataclass(frozen=True)
class Mark:
    """Where the transcript stood when a turn began, and so what a run can be rolled back to.

    ``step`` is the number of its last checkpoint, ``messages`` how many there were, ``seen`` how
    many calls were counted, ``tainted`` whether it had read what strangers wrote.
    """

    step: int
    messages: int
    seen: int
    tainted: bool


@dataclass(frozen=True)
class Sample:
    """What had been used when a turn began; ``at_ms`` is the working time in milliseconds."""

    at_ms: int
    tokens: int
    cost: Decimal


@dataclass(frozen=True)
class Judged:
    """What a judge last said of the run's drift, and the answers since it was asked."""

    turns: int = 0
    score: int | None = None
    call_id: str = ""


@dataclass(frozen=True)
class Progress:
    """How the plan moves: ``turns`` counts the answers since its steps changed.

    ``states`` holds digests of what the steps were; a plan that is ``new`` is to be compared with
    what was done.
    """

    turns: int = 0
    states: tuple[bytes, ...] = ()
    new: bool = False
    judged: Judged = Judged()


@dataclass(frozen=True)
class Wait:
    """When the model may be called again, and how often it had to wait."""

    until: datetime | None = None
    times: int = 0


@dataclass(frozen=True)
class Watch:
    """What the detectors in force remember.

    ``seen`` counts the calls, ``errors`` names the last ones that failed in a row. ``succeeded``
    are tools that did what they were called for, ``unfounded`` what was claimed without. ``since``
    says of detectors from where on they may take evidence again, ``applied`` how often each was
    applied. ``marks`` are the turns that it can go back to, the last one the turn that begins.
    """

    detectors: tuple[str, ...]
    seen: int = 0
    calls: tuple[Seen, ...] = ()
    errors: tuple[str, ...] = ()
    progress: Progress = Progress()
    samples: tuple[Sample, ...] = (Sample(0, 0, Decimal(0)),)
    succeeded: frozenset[str] = frozenset()
    unfounded: tuple[str, ...] = ()
    since: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    applied: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    wait: Wait = Wait()
    marks: tuple[Mark, ...] = ()
