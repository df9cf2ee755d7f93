"""Submit a run once, however often its requester asks: by a key of the requester's own."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from runfold.infra.gateway.asked import (
    Again,
    Asked,
    AskedStore,
    Done,
    First,
    Lasting,
    Other,
    UnderWay,
)
from runfold.producers.client.broker_time import BOUND, OLDEST
from runfold.producers.errors import NoTopicError
from runfold.producers.errors import RefusedError as LogRefused
from runfold.producers.identity import made_at, uuid7
from runfold.surfaces.application.errors import (
    InDoubtError,
    OtherRequestError,
    RefusedError,
    UnderWayError,
)
from runfold.surfaces.application.faults import Code, fault_of

_log = logging.getLogger("runfold.gateway")

LEASE = timedelta(seconds=60)
"""How long a request may be under way before somebody else may go on with it."""

KEPT = timedelta(hours=24)

Submit = Callable[[str], Awaitable[object]]
"""Asks for a run of this id, durably."""

IsThere = Callable[[str], Awaitable[bool]]
"""Says whether a run of this id was asked for, by the log."""


class Submitted(NamedTuple):
    """The run that a request led to; ``repeated`` where it was made before."""

    run_id: str
    repeated: bool


class Once:
    """Sees to it that a request that is made again leads to the same run."""

    def __init__(
        self,
        store: AskedStore,
        kept: timedelta = KEPT,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._lasting = Lasting(LEASE, kept)
        self._wall = wall

    async def submit(
        self, asked: Asked, submit: Submit, is_there: IsThere, *, ages: bool = True
    ) -> Submitted:
        """Ask for a run, or find the one that this request led to before.

        What ``ages`` begins nothing any more when its id is old. A control does not: its id is in
        the place of a run's, and one that is known already changes nothing.

        Raises OtherRequestError where the key was used for another request, UnderWayError where
        somebody makes it now, InDoubtError where nobody can know whether it arrived, and what
        ``submit`` raises: a request that is refused leaves its key free.
        """
        standing = await asyncio.to_thread(
            self._store.begin, asked, uuid7(), self._wall(), self._lasting
        )
        match standing:
            case Done(run_id):
                return Submitted(run_id, repeated=True)
            case Other(run_id):
                raise OtherRequestError(
                    "This Idempotency-Key was used for another request: take a new key for what is "
                    f"new, or send what was sent before (run {run_id})."
                )
            case UnderWay():
                raise UnderWayError("The same request is being made now: ask again in a second.")
            case First(run_id):
                await self._make(asked, run_id, submit)
                return Submitted(run_id, repeated=False)
            case Again(run_id):
                if await is_there(run_id):
                    await self._note(asked)
                elif not ages or self._may_begin(run_id):
                    await self._make(asked, run_id, submit, before=True)
                else:
                    raise InDoubtError(
                        "This request was begun before, too long ago to make it again, and is not "
                        f"on the log: see whether run {run_id} is there, and take a new key.",
                        run_id,
                    )
                return Submitted(run_id, repeated=True)

    async def is_first(self, scope: str, name: str, kept: timedelta) -> bool:
        """Return whether something of this name comes for the first time, wherever it comes.

        It is remembered for ``kept``. Raises what the store raises: then nobody can know.
        """
        key = hashlib.sha256(name.encode()).hexdigest()
        asked, lasting = Asked(scope, key, b""), Lasting(kept, kept)
        standing = await asyncio.to_thread(self._store.begin, asked, "", self._wall(), lasting)
        return isinstance(standing, First)

    async def _make(
        self, asked: Asked, run_id: str, submit: Submit, *, before: bool = False
    ) -> None:
        """Ask for a run; ``before`` says that it was asked for already, and may still arrive."""
        try:
            await submit(run_id)
        except (RefusedError, LogRefused) as refused:
            # Brokers that do not know a topic yet refuse nothing that they had taken before.
            arrived = before or isinstance(refused, NoTopicError)
            await asyncio.to_thread(self._store.undone, asked, arrived=arrived)
            raise
        except BaseException:
            # It may have arrived, also where the requester went away meanwhile.
            await asyncio.shield(asyncio.to_thread(self._store.undone, asked, arrived=True))
            raise
        await self._note(asked)

    async def _note(self, asked: Asked) -> None:
        """Note that a request is durable, which is what is acknowledged, noted or not.

        Where it is not noted, whoever comes again is told to wait for the end of the lease, and
        then what the log has.
        """
        try:
            await asyncio.to_thread(self._store.done, asked)
        except Exception as error:
            if fault_of(error).code is not Code.UNAVAILABLE:
                raise
            _log.warning("a request is not noted as made: %s", type(error).__name__)

    def _may_begin(self, run_id: str) -> bool:
        """Whether the run processor would still take a request with this id."""
        made = made_at(run_id)
        return made is not None and self._wall() - made < OLDEST - BOUND
