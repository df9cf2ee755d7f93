"""Listening to streams that are cut: by the listener, by its gateway's death; resumed each time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.system.torture.surfaces.asking import Asking

_STREAM = {"accept": "text/event-stream"}
_QUIET_S = 30.0
"""Three beats: a gateway that says nothing for so long is frozen, or gone."""

_AGAIN_S = 0.3
_BEATS_AFTER_THE_END = 2
ENDS = frozenset({"RunCompleted", "RunFailed", "RunCancelled", "RunRefused"})


async def _messages(answer: httpx.Response) -> AsyncIterator[dict[str, str]]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(":")
            fields[name or "comment"] = value.removeprefix(" ")
        elif fields:
            yield fields
            fields = {}


@dataclass
class Listener:
    """One listener of a path; ``heard`` is each event's run, number and type, as they came."""

    asking: Asking
    path: str
    most: int = 30
    last: str | None = None
    heard: list[tuple[str, int, str]] = field(default_factory=list)
    cuts: int = 0
    over: bool = False
    placed: asyncio.Event = field(default_factory=asyncio.Event)

    async def turn(self) -> None:
        """Listen once, to any gateway, until it is cut; ``over`` where nothing comes any more."""
        headers = _STREAM if self.last is None else {**_STREAM, "last-event-id": self.last}
        url, quiet = self.asking.one() + self.path, httpx.Timeout(_QUIET_S, connect=5)
        try:
            async with self.asking.http.stream(
                "GET", url, headers=headers, timeout=quiet
            ) as answer:
                if answer.status_code == 200:
                    await self._take(answer)
                else:
                    await answer.aread()
                    self._refused(answer)
        except httpx.TransportError:
            self.cuts += 1
        if not self.over:
            await asyncio.sleep(_AGAIN_S * self.asking.choice.random())

    async def _take(self, answer: httpx.Response) -> None:
        left, after = self.asking.choice.randrange(1, self.most), 0
        async for each in _messages(answer):
            # The id of a message is kept with it: who has one and not the other is not cut here.
            self.last = each.get("id", self.last)
            if self.last is not None:
                self.placed.set()
            after += self._ended
            if after > _BEATS_AFTER_THE_END:
                self._fault("goes on after the run's end")
                return
            if "data" in each and each.get("event") != "delta":
                self._hear(json.loads(each["data"]))
                left -= 1
            if left <= 0 and not self._ended:
                self.cuts += 1
                return
        # It ended as one that is whole.
        self.over = self._ended

    @property
    def _ended(self) -> bool:
        of_run = self.path.startswith("/runs/")
        return of_run and bool(self.heard) and self.heard[-1][2] in ENDS

    def _hear(self, said: dict[str, Any]) -> None:
        self.heard.append((said["run_id"], said["seq"], said["type"]))

    def _refused(self, answer: httpx.Response) -> None:
        if answer.status_code == 204:
            self.over = True
            if not self._ended:
                self._fault("nothing comes any more, and the end was not heard")
        elif answer.status_code not in {503, 504, 429}:
            self.over = True
            self._fault(f"{answer.status_code} {answer.text[:200]}")

    def _fault(self, said: str) -> None:
        self.asking.notes.note("fault", said=f"stream {self.path}: {said}")
