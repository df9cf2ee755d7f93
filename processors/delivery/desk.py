"""The thread that speaks to Postgres for a loop: one connection, one question after another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Concatenate, ParamSpec, TypeVar

import psycopg

from runfold.infra.database.connection import Session

P = ParamSpec("P")
T = TypeVar("T")


class Desk:
    """Calls of it are made in the order in which they were asked for."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: Session | None = None
        self._thread = ThreadPoolExecutor(1, "delivery-desk")

    async def call(
        self, question: Callable[Concatenate[Session, P], T], *given: P.args, **named: P.kwargs
    ) -> T:
        """Return what a function says that is given a connection first; raises psycopg.Error."""

        def ask() -> T:
            return question(self._opened(), *given, **named)

        return await asyncio.get_running_loop().run_in_executor(self._thread, ask)

    def close(self) -> None:
        """Wait for what is being asked, and close the connection."""
        self._thread.shutdown(wait=True)
        if self._session is not None:
            with suppress(psycopg.Error):
                self._session.close()

    def _opened(self) -> Session:
        if self._session is None or self._session.closed or self._session.broken:
            self._session = Session.to(self._url)
        return self._session
