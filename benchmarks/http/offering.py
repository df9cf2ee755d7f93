"""An open loop: requests come at a fixed rate, whether or not those before are answered.

A closed loop slows down with its server and hides it. Here each request has a time at which it is
due; how long it took counts from then, the wait for a free connection included.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any

from benchmarks.http.client import answer_in

_PATIENCE_S = 20.0


class _Lane(asyncio.Protocol):
    """One connection: a request at a time."""

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._got = b""
        self._due = 0.0

    def connection_made(self, transport: Any) -> None:
        """Wait for what is due."""
        self._transport = transport
        self._offer.is_free(self)

    def ask(self, due: float) -> None:
        """Send a request that was due at a time."""
        self._due = due
        self._transport.write(self._offer.said)

    def data_received(self, data: bytes) -> None:
        """Take an answer."""
        self._got += data
        if answer_in(self._got) is None:
            return
        if self._got.startswith(b"HTTP/1.1 20"):
            self._offer.took.append(time.perf_counter() - self._due)
        else:
            self._offer.failed += 1
        self._got = b""
        self._offer.is_free(self)

    def close(self) -> None:
        """End the connection."""
        self._transport.close()


class Offer:
    """Offers ``rate`` requests a second over so many connections."""

    def __init__(self, said: bytes, rate: float) -> None:
        self.said = said
        self.took: list[float] = []
        self.failed = 0
        self._rate = rate
        self._due: deque[float] = deque()
        self._free: deque[_Lane] = deque()
        self._lanes: list[_Lane] = []

    def is_free(self, lane: _Lane) -> None:
        """Give a connection what is due, or keep it for what comes."""
        if self._due:
            lane.ask(self._due.popleft())
        else:
            self._free.append(lane)

    async def run(self, host: str, port: int, connections: int, seconds: float) -> dict[str, Any]:
        """Offer for some seconds, wait for the rest; return what was reached."""
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, lane = await loop.create_connection(lambda: _Lane(self), host, port)
            self._lanes.append(lane)
        began, offered = time.perf_counter(), 0
        while (now := time.perf_counter()) < began + seconds:
            while (due := began + offered / self._rate) <= now:
                offered += 1
                self._due.append(due)
                if self._free:
                    self._free.popleft().ask(self._due.popleft())
            await asyncio.sleep(max(0.0005, due - now))
        in_time = len(self.took)
        until = time.perf_counter() + _PATIENCE_S
        while len(self.took) + self.failed < offered and time.perf_counter() < until:  # noqa: ASYNC110 - twenty looks a second are enough
            await asyncio.sleep(0.05)
        for lane in self._lanes:
            lane.close()
        return {
            "took_ms": [each * 1000 for each in self.took],
            "seconds": seconds,
            "offered": offered,
            "in_time": in_time,
            "failed": self.failed,
        }
