"""The server: uvicorn on one loop, which cuts connections that begin no request in time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from runfold.infra.settings.errors import ConfigError
from runfold.surfaces.http.access.limits import Use

_HEADER_BYTES = 64 * 1024
_DRAIN_S = 10
_BACKLOG = 2048
_THREADS = 32


class Server(uvicorn.Server):
    """A server that leaves signals to the process; ``stop`` ends it after what is under way."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone."""
        yield

    use: Use

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End streams, which would be waited for, and then all else that is under way."""
        self.use.end_streams()
        await super().shutdown(sockets)

    def stop(self) -> None:
        """Take no more requests, and end."""
        self.should_exit = True


def protocol(idle_s: float) -> type[asyncio.Protocol]:
    """Return a protocol for which a connection must begin a whole request within some seconds."""

    class Impatient(H11Protocol):
        """HTTP/1.1, strictly parsed; the time for a request's head is bounded."""

        def connection_made(self, transport: Any) -> None:
            # For an answer that is cut in its middle, while its peer takes nothing.
            self.app_state = {**self.app_state, "abort": transport.abort}
            super().connection_made(transport)
            self._head_due = self.loop.call_later(idle_s, self._cut)

        def connection_lost(self, exc: Exception | None) -> None:
            self._head_due.cancel()
            super().connection_lost(exc)

        def on_response_complete(self) -> None:
            super().on_response_complete()
            # Between requests the server's own time-out holds; a head that then begins has this.
            self._head_due.cancel()
            self._head_due = self.loop.call_later(2 * idle_s, self._cut)

        def _cut(self) -> None:
            # While a request is served there is a cycle that is not complete.
            served: Any = self.cycle
            if served is None or served.response_complete:
                self.transport.abort()

    return Impatient


def make_server(app: ASGIApp, use: Use) -> Server:
    """Return a server of an application; ``opened`` gives it what to listen on."""
    limits = use.limits
    config = uvicorn.Config(
        app,
        http=protocol(limits.idle_s),
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=int(limits.idle_s),
        timeout_graceful_shutdown=_DRAIN_S,
        h11_max_incomplete_event_size=_HEADER_BYTES,
        backlog=_BACKLOG,
    )
    server = Server(config)
    server.use = use
    return server


def opened(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; raises ConfigError where that cannot be."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        made = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigError(
            f"The gateway cannot listen on {host}:{port} ({error.strerror}): set RUNFOLD_HTTP_HOST "
            "and RUNFOLD_HTTP_PORT to an address that is free."
        ) from error
    made.setblocking(False)
    return made


def address_of(listening: socket.socket) -> str:
    """Return where a socket listens, as clients write it."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def run(server: Server, listening: socket.socket) -> None:
    """Serve until told to stop."""
    import uvloop  # noqa: PLC0415 - where a loop begins

    def loop() -> asyncio.AbstractEventLoop:
        made = uvloop.new_event_loop()
        # They wait for brokers and Postgres: more of them than processors.
        made.set_default_executor(ThreadPoolExecutor(_THREADS, "gateway"))
        return made

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(server.serve([listening]))
