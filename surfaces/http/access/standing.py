"""Whether the credentials of open streams still let in: looked at again while they are open.

A request is let in once, and a stream goes on for hours. One task looks at every credential that
has a stream open, each once a round however many streams it has. A store that does not answer ends
nothing: only what is known to be over is over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from starlette.requests import Request

from runfold.infra.credentials.bearer.errors import TokenRefusedError
from runfold.infra.credentials.bearer.verifying import is_token
from runfold.surfaces.http.access.letting_in import Door
from runfold.surfaces.http.refusals.problems import Problem

_log = logging.getLogger("runfold.gateway")

LOOK_S = 30.0
"""How often a credential is looked at. A look takes a moment more, and may be believed for seconds:
a stream ends within a minute of its credential.
"""

OVER = (
    "The credential of this stream is revoked or has expired: come back with one that is in force."
)
_AT_ONCE = 16

End = Callable[[], object]
Leave = Callable[[], None]
Watch = Callable[[End], Leave]
"""Has a stream's end called once its credential is over; what it returns ends the watching."""


@dataclass(slots=True)
class Standing:
    """The credentials of open streams; to be used on one event loop."""

    look_s: float = LOOK_S
    _open: dict[str, dict[object, End]] = field(default_factory=dict)
    _looking: asyncio.Task[None] | None = None

    def of(self, door: Door, request: Request) -> Watch:
        """Return what watches the credential of a request that was let in."""
        _, _, text = request.headers.get("authorization", "").partition(" ")
        return partial(self._watch, door, text.strip())

    def _watch(self, door: Door, text: str, end: End) -> Leave:
        mark = object()
        self._open.setdefault(text, {})[mark] = end
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look(door))
        return partial(self._leave, text, mark)

    def _leave(self, text: str, mark: object) -> None:
        streams = self._open.get(text, {})
        streams.pop(mark, None)
        if not streams:
            self._open.pop(text, None)

    async def _look(self, door: Door) -> None:
        """Look again and again, as long as any stream is open."""
        while self._open:
            await asyncio.sleep(self.look_s)
            known = tuple(self._open)
            for first in range(0, len(known), _AT_ONCE):
                some = known[first : first + _AT_ONCE]
                over = await asyncio.gather(*(_is_over(door, text) for text in some))
                for text, gone in zip(some, over, strict=True):
                    for end in tuple(self._open.get(text, {}).values()) if gone else ():
                        end()


def over() -> Problem:
    """Return the problem that a stream ends with."""
    return Problem("unauthenticated", OVER)


async def _is_over(door: Door, text: str) -> bool:
    """Return whether a credential that let in lets in no more."""
    now = datetime.now(UTC)
    try:
        if door.tokens is not None and is_token(text):
            await door.tokens.verify(text, now)
            return False
        if door.keys.known(text, now) is not None:
            return False
        return await asyncio.to_thread(door.keys.let_in, text, now) is None
    except TokenRefusedError:
        return True
    except Exception as error:  # noqa: BLE001 - whoever cannot be asked has not said no
        _log.warning("the credential of a stream cannot be looked at: %s", type(error).__name__)
        return False
