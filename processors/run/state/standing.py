"""How a run stands beside its work: let in, held, waiting, and with what more it may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from runfold.events.tenant import Amount


@dataclass(frozen=True)
class Pace:
    """How fast a run may make its calls, by their kind.

    ``stands`` is where the count of each kind stands, ``until`` what calls wait for that come too
    early; ``times`` counts how often some had to wait.
    """

    per_minute: Mapping[str, int]
    stands: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    until: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    times: int = 0


@dataclass(frozen=True)
class Entry:
    """How a run came in: whether it asked its tenant to be admitted, and whether it has begun.

    ``cheaper`` says that a cheaper model was put in the place of its agent's own, ``pace`` how fast
    its tenant lets it make calls.
    """

    asked: bool = False
    started: bool = False
    cheaper: bool = False
    pace: Pace | None = None


@dataclass(frozen=True)
class Hold:
    """Who answers in the model's place, and until when the run stays with them.

    ``hold_ms`` is how long it stays after each thing that they do; ``acts`` counts those.
    """

    by: str
    until: datetime
    hold_ms: int
    acts: int = 0


@dataclass(frozen=True)
class Asking:
    """Who is asked about a call that waits for a person, since when it waits, at which step."""

    step: int
    since: datetime
    asks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Idle:
    """Whether a person paused the run, since when it waits for people, and how long it did.

    ``held`` says who has taken it over, None where its model answers; ``asking`` who is asked about
    the calls that wait, where the agent declares it.
    """

    paused: bool = False
    since: datetime | None = None
    total: timedelta = timedelta(0)
    held: Hold | None = None
    asking: Mapping[str, Asking] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Met:
    """A limit that the run has met and for which nothing new is begun.

    A person is asked in ``question_id``, or the tenant in ``extension_id``.
    """

    limit: str
    used: str
    allowed: str
    question_id: str | None = None
    extension_id: str | None = None


@dataclass(frozen=True)
class More:
    """What more the run has asked for: what is not answered yet, and what it waits for.

    ``pending`` has the amounts by the id of the extension; ``times`` counts how often it asked by
    itself.
    """

    pending: Mapping[str, tuple[Amount, ...]] = field(default_factory=lambda: MappingProxyType({}))
    met: Met | None = None
    times: int = 0


NO_MORE = More()

NO_ENTRY, NOT_IDLE = Entry(), Idle()
"""How a run begins that nobody admits, and that waits for nobody."""
