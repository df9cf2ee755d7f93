"""The time of a lane, and what shows that it or its machine's clock is wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from runfold.infra.clock import reading
from runfold.infra.clock.stamps import Stamps
from runfold.infra.clock.steady import SteadyClock
from runfold.infra.clock.telling import Teller, far_off
from runfold.processors.engine.metrics import LaneMetrics


class LaneClock(SteadyClock):
    """A steady time that also holds its machine's clock against the stamps of its requests."""

    def __init__(
        self,
        partition: int,
        metrics: LaneMetrics,
        wall: Callable[[], datetime] = reading.wall,
        elapsed: Callable[[], float] = reading.elapsed,
    ) -> None:
        super().__init__(wall, elapsed)
        self.newest_request_ms = 0
        self._partition = partition
        self._metrics = metrics
        self._stamps = Stamps(wall, elapsed)
        self._own = Teller("the lane's time agrees with this machine's clock again", elapsed)
        self._brokers = Teller("this machine's clock agrees with the broker's again", elapsed)

    def arrived(self, time_ms: int) -> None:
        """Take in a request that bears this time stamp of the broker's."""
        self.newest_request_ms = max(self.newest_request_ms, time_ms)
        if time_ms > 0:
            self._stamps.saw(time_ms / 1000)

    def look(self) -> None:
        """Show how the clocks stand, and say it where one is wrong."""
        ahead = self.ahead()
        self._metrics.ahead.set(ahead.total_seconds())
        self._own.tell(far_off(ahead), partition=self._partition)
        of_broker = self._stamps.ahead()
        if of_broker is not None:
            self._metrics.ahead_of_broker.set(of_broker)
        self._brokers.tell(self._stamps.suspicion(), partition=self._partition)
