"""What somebody on a channel means, before it is known whether they may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Ask:
    """A run is asked for; ``agent`` is empty where the channel's own is meant."""

    goal: str
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Decide:
    """A call is approved or denied, as it was shown: ``digest`` in hexadecimal."""

    run_id: str
    call_id: str
    digest: str
    approves: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A question is answered: with ``text``, or with the option of that number, from 0."""

    run_id: str
    call_id: str
    digest: str
    text: str = ""
    option: int | None = None


@dataclass(frozen=True, slots=True)
class Tell:
    """Something is said to a run."""

    run_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody wants to see where a run stands."""

    run_id: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nothing is to be done; ``why`` says what to send instead."""

    why: str


Intent = Ask | Decide | Reply | Tell | Look | Unclear


@dataclass(frozen=True, slots=True)
class Sender:
    """Who spoke, as the channel says: unknown to Runfold until a directory knows them.

    ``once`` is the channel's own name of this message: with it again it is the same message.
    ``answer_to`` is where what was pressed is shown anew, empty where the answer itself is shown.
    """

    team: str = ""
    user: str = ""
    place: str = ""
    thread: str = ""
    once: str = ""
    answer_to: str = ""


@dataclass(frozen=True, slots=True)
class Inbound:
    """What came in: its raw bytes, and its headers with names in lower case."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heard:
    """What was meant, and by whom."""

    intent: Intent
    sender: Sender = Sender()
