"""What a client knows of the broker's clock, from the time stamps of its own requests.

A run's id tells its time. A run processor holds it against the time at which the broker appended
the request, and drops what was made too long before, or after: then a clock is wrong. A client
says so to whoever asks, since nobody else can.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from runfold.infra.clock import reading
from runfold.producers.errors import RefusedError
from runfold.producers.identity import made_at

_log = logging.getLogger(__name__)

BOUND = timedelta(minutes=5)
"""How far this machine's clock may be from the broker's; an id may be so far in its future."""

OLDEST = timedelta(hours=1)
"""How old an id may be, by the broker's clock, for its request to begin a run."""

_BELIEVED_S = 60.0
_SAME_S = 5.0
_HELP = "let every machine keep its time by NTP, and ask again"


@dataclass(frozen=True, slots=True)
class _Known:
    apart: timedelta
    at: float
    set_to: float


class BrokerTime:
    """Compares clocks; any thread may use it, and clients of one connection share it.

    ``wall`` reads this machine's clock, ``elapsed`` counts seconds.
    """

    def __init__(
        self,
        wall: Callable[[], datetime] = reading.wall,
        elapsed: Callable[[], float] = reading.elapsed,
    ) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self._known: _Known | None = None

    def need_agreement(self) -> None:
        """Raise RefusedError where the clocks are known to differ; nothing was sent then.

        What was learned is believed for a minute, and no longer than this clock is left alone:
        then a request is sent to learn it again.
        """
        known, now = self._known, self._elapsed()
        if known is None or now - known.at > _BELIEVED_S:
            return
        if (
            abs(self._wall().timestamp() - now - known.set_to) < _SAME_S
            and abs(known.apart) > BOUND
        ):
            raise RefusedError(f"Nothing was sent: {_differ(known.apart)}; {_HELP}.")

    def learn(self, run_id: str, appended_at: datetime | None) -> None:
        """Take in when the broker appended the request for a run, None where it does not say.

        Raises RefusedError where the request begins nothing because the clocks differ.
        """
        if appended_at is None:
            return
        wall, now = self._wall(), self._elapsed()
        apart = wall - appended_at
        self._known = _Known(apart, now, wall.timestamp() - now)
        if abs(apart) <= BOUND:
            return
        made = made_at(run_id)
        if made is not None and -BOUND <= appended_at - made <= OLDEST:
            _log.warning("%s", _differ(apart))
            return
        raise RefusedError(
            f"The request for run {run_id} begins nothing and becomes a dead letter: "
            f"{_differ(apart)}, so its id is too old or lies in the future; {_HELP}."
        )


def _differ(apart: timedelta) -> str:
    side = "ahead of" if apart > timedelta(0) else "behind"
    minutes = abs(apart) / timedelta(minutes=1)
    return f"this machine's clock is {minutes:.0f} minutes {side} the broker's"
