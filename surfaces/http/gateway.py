"""What the routes stand on: the log, the views, the keys. It has no state of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from starlette.requests import Request

from runfold.events.definitions import Definitions
from runfold.events.run import Event
from runfold.infra.artifacts.port import SizedArtifacts
from runfold.infra.credentials.token import Claims
from runfold.infra.documents import Remark
from runfold.infra.http.rules import OutgoingRules
from runfold.processors.definitions.publisher import Report
from runfold.producers.client import AsyncRunClient, Hubs
from runfold.producers.log.port import LogReader, LogWriter
from runfold.projections.queries import Views
from runfold.surfaces.application.errors import UnavailableError
from runfold.surfaces.application.faults import Code, fault_of
from runfold.surfaces.application.reads import ReadRecord
from runfold.surfaces.application.runs.asking.once import Once
from runfold.surfaces.application.runs.async_runs import AsyncRuns
from runfold.surfaces.application.runs.reading.live import is_young, joined, recorded_so_far
from runfold.surfaces.application.scope import OperatorScope, Scope, TenantScope
from runfold.surfaces.http.access.identity import Caller
from runfold.surfaces.http.access.letting_in import Door
from runfold.surfaces.http.access.limits import Use
from runfold.surfaces.http.access.standing import Standing, Watch
from runfold.surfaces.http.channels.wiring import Channels

T = TypeVar("T")

_log = logging.getLogger("runfold.gateway")
_AWAY_S = 5.0
_LATEST = 253_402_300_799

Publish = Callable[[Path, str, tuple[str, ...], str, bool], tuple[Report, tuple[Remark, ...]]]
"""Publishes the manifests of a folder: for a user, in roles, of a tenant, with consent or not."""


@dataclass(frozen=True, slots=True)
class PushOffered:
    """What browsers subscribe with, empty where nothing is pushed, and where pushes may go."""

    public_key: str = ""
    rules: OutgoingRules = field(default_factory=OutgoingRules)


Connect = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True, slots=True)
class Gateway:
    """``connect`` opens a connection to the views; ``ready`` says why it could not serve now.

    ``reads_to`` is the address of the database in which reads are on record, as ``reads`` says.
    ``definitions`` returns what is published now; it may block.
    """

    writer: LogWriter
    reader: LogReader
    hubs: Hubs
    connect: Connect
    door: Door
    once: Once
    use: Use
    ready: Callable[[], str]
    needs_idempotency: bool = False
    reads: str = "off"
    reads_to: Callable[[], str] = str
    publish: Publish | None = None
    artifacts: SizedArtifacts | None = None
    channels: Channels = field(default_factory=Channels)
    definitions: Callable[[], Definitions] = Definitions
    push: PushOffered = field(default_factory=PushOffered)
    standing: Standing = field(default_factory=Standing)

    def watch(self, request: Request) -> Watch:
        """Return what ends a stream once the credential of its request is over."""
        return self.standing.of(self.door, request)

    def client(self, caller: Caller) -> AsyncRunClient:
        """Return a client that speaks for a caller."""
        return AsyncRunClient(
            self.writer,
            self.reader,
            caller.tenant_id,
            caller.user_id,
            self.hubs,
            roles=caller.roles,
        ).asked_with(caller.origin)

    def runs(self, caller: Caller) -> AsyncRuns:
        """Return the runs of a caller's tenant."""
        return AsyncRuns(self.client(caller), TenantScope(caller.tenant_id))

    async def ask(self, caller: Caller, question: Callable[[Views], T]) -> T:
        """Return the answer of the views, as a caller's tenant sees them."""
        return await self._asked(TenantScope(caller.tenant_id), question)

    async def ask_if_there(self, caller: Caller, question: Callable[[Views], T]) -> T | None:
        """Return the answer of the views, None where they do not answer: then ask the journal.

        Views that were away are left alone for some seconds: each look at them may take as long.
        """
        use = self.use
        if use.elapsed() < use.views_away_until:
            return None
        try:
            return await self.ask(caller, question)
        except Exception as error:
            if fault_of(error).code is not Code.UNAVAILABLE:
                raise
            use.views_away_until = use.elapsed() + _AWAY_S
            _log.warning("the views are away: %s", type(error).__name__)
            return None

    async def events_of(self, caller: Caller, run_id: str) -> list[Event] | None:
        """Return the events of a run that lives, exact, where the views help to read them.

        None where they do not: then the journal has them all.
        """
        if is_young(run_id):
            return None
        known = await self.ask_if_there(caller, lambda views: recorded_so_far(views, run_id))
        if known is None:
            return None
        return await asyncio.to_thread(joined, self.reader, run_id, known)

    async def ask_all(self, caller: Caller, question: Callable[[Views], T]) -> T:
        """Return the answer of all rows, for an operator."""
        return await self._asked(OperatorScope(f"API key {caller.key_id}"), question)

    async def note_read(self, caller: Caller, what: str, run_id: str = "") -> None:
        """Put a read on record before it is made, where this deployment asks for it."""
        if self.reads == "off":
            return
        claims = Claims(caller.tenant_id, caller.user_id, _LATEST, caller.key_id[:200])
        record = ReadRecord(self.reads, self.reads_to, claims, "http")
        await asyncio.to_thread(record.note, what, caller.tenant_id, run_id, _log.warning)

    async def may_show(self, caller: Caller, what: str, run_id: str) -> bool:
        """Put on record that a run which a caller just asked for is read, and return whether it is.

        Where that must be and cannot, the run is asked for all the same, and nothing of it shown.
        """
        try:
            await self.note_read(caller, what, run_id)
        except UnavailableError:
            return False
        return True

    async def _asked(self, scope: Scope, question: Callable[[Views], T]) -> T:
        def asked() -> T:
            with self.connect() as connection:
                return question(scope.views(connection))

        return await asyncio.to_thread(asked)
