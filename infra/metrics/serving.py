"""The port of a process: what it counts, what its operating system knows of it, and its health."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from runfold.infra.metrics.table import TABLE
from runfold.infra.process.health import Health
from runfold.infra.settings.declared.variables import METRICS_ADDRESS
from runfold.infra.settings.errors import ConfigError

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Serving:
    """The open port; ``close`` gives it back."""

    server: WSGIServer
    thread: Thread

    def close(self) -> None:
        """Stop answering."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base
        """Log no request: there is one every few seconds."""


def serve_metrics(
    port: int | None,
    health: Health | None = None,
    registry: CollectorRegistry = TABLE.registry,
) -> Serving | None:
    """Serve ``/metrics`` and ``/health`` on a port, where one is given; ConfigError if it is taken.

    It listens on the loopback unless RUNFOLD_METRICS_ADDRESS says another address.
    """
    if port is None:
        return None
    address = METRICS_ADDRESS.read()
    app = _app(make_wsgi_app(registry), health or Health("runfold"))
    try:
        server = make_server(address, port, app, ThreadingWSGIServer, _Silent)
    except OSError as error:
        raise ConfigError(
            f"Metrics cannot be served on {address}:{port} ({error.strerror}): "
            "set RUNFOLD_METRICS_PORT to a free port."
        ) from error
    thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    return Serving(server, thread)


def _app(metrics: App, health: Health) -> App:
    def answer(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        found = health.answer(environ.get("PATH_INFO", ""))
        if found is None:
            return metrics(environ, start)
        status, body = found
        said = "200 OK" if status == 200 else "503 Service Unavailable"
        start(said, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return answer
