"""Asking gateways: any of them, again after any failure, until there is an answer that counts."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Mapping
from random import Random
from typing import Any

import httpx

from tests.system.torture.surfaces.noted import Notes

_SILENT_S = 150.0
"""Longer than any answer may take."""

_AGAIN_S = 0.4
_LIVES = {"under_way", "unavailable", "not_yet", "too_busy", "too_many_requests"}


class Answer:
    """A status, the problem's code where it is one, and the body."""

    def __init__(self, found: httpx.Response) -> None:
        self.status = found.status_code
        self.headers = found.headers
        try:
            said = found.json()
        except ValueError:
            said = None
        self.body: dict[str, Any] = said if isinstance(said, dict) else {}
        self.code = str(self.body.get("code", ""))


class Asking:
    """One client of all gateways; every answer that may never be given is noted as a fault."""

    def __init__(self, bases: list[str], key: str, notes: Notes, choice: Random) -> None:
        self.bases = bases
        self.notes = notes
        self.choice = choice
        self.key = key
        self.http = httpx.AsyncClient(
            headers={"authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(_SILENT_S, connect=5),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
        )

    def one(self) -> str:
        """Return any gateway."""
        return self.choice.choice(self.bases)

    async def once(self, method: str, url: str, **more: Any) -> Answer | None:
        """Return an answer, None where the connection gave none."""
        began = time.monotonic()
        try:
            found = Answer(await self.http.request(method, url, **more))
        except httpx.ReadTimeout:
            self.notes.note("silent", url=url)
            return None
        except httpx.TransportError:
            self.notes.note("cut")
            return None
        self.notes.note(
            "answer",
            status=found.status,
            code=found.code,
            s=round(time.monotonic() - began, 2),
            agent="/a2a/" in url,
        )
        self._look_at(method, url, found)
        return found

    async def until_answered(
        self, method: str, path: str, headers: Mapping[str, str], body: Any
    ) -> Answer:
        """Ask any gateway, again after each failure that says so, and return what counts."""
        for number in itertools.count(1):
            found = await self.once(method, self.one() + path, headers=headers, json=body)
            if found is not None and found.code not in _LIVES:
                return found
            await asyncio.sleep(_AGAIN_S * self.choice.uniform(0.2, 1) * min(number, 5))
        raise AssertionError

    def _look_at(self, method: str, url: str, found: Answer) -> None:
        """Note an answer that no fault of the outside explains."""
        where = f"{method} {httpx.URL(url).path}"
        if found.status >= 500 and found.status not in {503, 504}:
            self.notes.note("fault", said=f"{where}: {found.status} {found.code}")
        if found.status in {503, 504} and found.body.get("retryable") is not True:
            self.notes.note("fault", said=f"{where}: {found.status} {found.code}: not retryable")
        if found.code == "in_doubt":
            self.notes.note("fault", said=f"{where}: in doubt, though it was asked for just now")
