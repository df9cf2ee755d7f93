"""What a client knows of the broker's clock, from the time stamps of its own requests.

A run's id tells its time. A run processor holds it against the time at which the broker appended
the request, and drops what was made too long before, or after: then a clock is wrong. A client
says so to whoever asks, since nobody else can. The acknowledgement of the first request is the
first that it hears of the broker's time; the header of the request says that it looks, so that
the run processor need not keep a dead letter of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from runfold.events.avro.headers import TIME_CHECKED
from runfold.infra.clock import reading
from runfold.producers.errors import RefusedError
from runfold.producers.identity import made_at
from runfold.producers.log.port import Headers

_log = logging.getLogger(__name__)

BOUND = timedelta(minutes=5)
"""How far this machine's clock may be from the broker's; an id may be so far in its future."""

OLDEST = timedelta(hours=1)
"""How old an id may be, by the broker's clock, for its request to begin a run."""

_BELIEVED_S = 60.0
_SAME = timedelta(seconds=5)
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

    def check(self, run_id: str) -> Headers:
        """Return the headers for a request for this run: whether ``learn`` tells what comes of it.

        Raises RefusedError where it would begin nothing by what is known of the clocks; nothing
        was sent then. What was learned is believed for a minute, and no longer than this clock is
        left alone: then a request is sent to learn it again.
        """
        made, wall = made_at(run_id), self._wall()
        if made is None:
            return ()
        apart = self._believed()
        if apart is not None and abs(apart) > BOUND and not _begins(made, wall - apart):
            raise RefusedError(f"Nothing was sent: {_differ(apart)}; {_HELP}.")
        # What is old by this clock too is no matter of clocks: it may be a repeat.
        return (TIME_CHECKED,) if abs(wall - made) <= BOUND else ()

    def learn(self, run_id: str, appended_at: datetime | None, *, checked: bool) -> None:
        """Take in when the broker appended the request for a run, None where it does not say.

        ``checked`` says that it went with the header that ``check`` returned. Raises RefusedError
        where the request begins nothing because the clocks differ.
        """
        if appended_at is None:
            return
        wall, now, before = self._wall(), self._elapsed(), self._believed()
        apart, made = wall - appended_at, made_at(run_id)
        self._known = _Known(apart, now, wall.timestamp() - now)
        differ = abs(apart) > BOUND
        if made is not None and _begins(made, appended_at):
            if differ and (before is None or abs(apart - before) > _SAME):
                _log.warning("%s", _differ(apart))
        elif checked or differ:
            becomes = "" if checked else " and becomes a dead letter"
            raise RefusedError(
                f"The request for run {run_id} begins nothing{becomes}: "
                f"{_differ(apart)}, so its id is too old or lies in the future; {_HELP}."
            )

    def _believed(self) -> timedelta | None:
        """Return how far this clock is ahead of the broker's, None where it is not known."""
        known, now = self._known, self._elapsed()
        if known is None or now - known.at > _BELIEVED_S:
            return None
        alone = abs(self._wall().timestamp() - now - known.set_to) < _SAME.total_seconds()
        return known.apart if alone else None


def _begins(made: datetime, appended_at: datetime) -> bool:
    """Whether a request may begin a run whose id was made then, as the run processor judges."""
    return -BOUND <= appended_at - made <= OLDEST


def _differ(apart: timedelta) -> str:
    side = "ahead of" if apart > timedelta(0) else "behind"
    minutes = abs(apart) / timedelta(minutes=1)
    return f"this machine's clock is {minutes:.0f} minutes {side} the broker's"
