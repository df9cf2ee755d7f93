"""A port for Prometheus: what this process counts, and what its operating system knows of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from threading import Thread
from wsgiref.simple_server import WSGIServer

from prometheus_client import start_http_server

from runfold.infra.metrics.table import TABLE
from runfold.infra.settings.config import ConfigError

_LOOPBACK = "127.0.0.1"


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


def serve_metrics(port: int | None) -> Serving | None:
    """Serve ``/metrics`` on a port, where one is given; raises ConfigError if it is taken.

    It listens on the loopback unless RUNFOLD_METRICS_ADDRESS says another address.
    """
    if port is None:
        return None
    address = os.environ.get("RUNFOLD_METRICS_ADDRESS", "").strip() or _LOOPBACK
    try:
        return Serving(*start_http_server(port, address, TABLE.registry))
    except OSError as error:
        raise ConfigError(
            f"Metrics cannot be served on {address}:{port} ({error.strerror}): "
            "set RUNFOLD_METRICS_PORT to a free port."
        ) from error
