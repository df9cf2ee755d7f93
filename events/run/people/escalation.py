"""What is on record while nobody decides: who is asked next, and until when [107]."""

from __future__ import annotations

from runfold.events.base import Fact, Timestamp
from runfold.events.traits import Tone, Traits
from runfold.events.values import RunStatus

__all__ = ["WaitEscalated"]


def _asks(fact: WaitEscalated) -> str:
    until = f" until {fact.until:%Y-%m-%d %H:%M} UTC" if fact.until else ""
    who = ", ".join(fact.asks)
    return f"{{call_id:number}} step {{step}} of {{steps}}: asks {who}{until}{{text:because}}"


class WaitEscalated(Fact):
    """Nobody decided on a call or a question in time, and others are asked.

    ``asks`` names them as ``role/NAME`` and ``user/NAME``, and behind them those who act for one
    of them as ``user/NAME for user/NAME``. ``until`` is when the next step comes, or the end;
    ``deadline`` when it is decided without a person as things stand; None for never.
    """

    traits = Traits(
        reads=_asks,
        tone=Tone.ASK,
        status=(RunStatus.WAITING_FOR_HUMAN,),
        moment="step {step} of {steps}",
    )

    call_id: str
    step: int
    steps: int
    asks: tuple[str, ...]
    text: str = ""
    until: Timestamp | None = None
    deadline: Timestamp | None = None
