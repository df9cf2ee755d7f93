"""Looking at the rules now and then, but only at moments that everything before was counted of.

While the broker is away or the reader is behind nothing is judged: silence would look like health.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from runfold.infra.clock.steady import SteadyClock
from runfold.processors.monitor.core.monitor import Monitor
from runfold.processors.monitor.core.snapshot import Snapshot, snapshot
from runfold.processors.monitor.shell.alert_log import AlertLog
from runfold.processors.monitor.shell.frontier import Frontier, FrontierError
from runfold.processors.monitor.shell.intake import Intake
from runfold.producers.log.tail import Place

_log = logging.getLogger("runfold.processors.monitor")


class StalledError(Exception):
    """Records stand on the log and none arrives."""


class Watch:
    """One look after the other; the parts that wait are functions for a worker thread.

    Its time is steady: a clock that is set must not empty a window, nor make runs late.
    """

    def __init__(
        self,
        monitor: Monitor,
        intake: Intake,
        frontier: Frontier,
        alerts: AlertLog,
        stall_s: float,
    ) -> None:
        self.newest: Snapshot | None = None
        self._monitor = monitor
        self._intake = intake
        self._frontier = frontier
        self._alerts = alerts
        self._stall_s = stall_s
        self._clock = SteadyClock()
        self._dark = False
        self._moved_at = time.monotonic()
        self._moved: dict[Place, int] = {}

    def horizon(self) -> datetime | None:
        """Return a moment that everything before was counted of, None where there is none yet.

        It waits for the broker. Raises StalledError.
        """
        positions = dict(self._intake.positions)
        try:
            found = self._frontier.reached(positions, self._clock.now())
        except FrontierError as error:
            if not self._dark:
                _log.warning("%s", error)
            self._dark = True
            self._frontier.forget()
            self._moved_at = time.monotonic()
            return None
        self._dark = False
        if found is not None or positions != self._moved:
            self._moved, self._moved_at = positions, time.monotonic()
        elif time.monotonic() - self._moved_at > self._stall_s:
            raise StalledError(
                f"Records stand on the log and none has arrived for {self._stall_s:.0f} s."
            )
        return found

    def judge(self, now: datetime) -> Callable[[], None] | None:
        """Evaluate the rules; return what puts the alerts on the topic, None where none is due.

        The alerts hold only once ``said`` takes them. Raises AlertLogError when called.
        """
        says = self._monitor.evaluate(now)
        newest = self.newest = snapshot(self._monitor, now)
        if not says:
            return None

        def say() -> None:
            self._alerts.say(says)
            for each in says:
                self._monitor.alerts.apply(each)
                _log.info("%s", type(each).__name__, extra={"alert_id": each.alert_id})
            self.newest = replace(newest, alerts=tuple(self._monitor.alerts.raised.values()))

        return say
