"""A small OTLP/HTTP collector: takes protobuf as a real one does, and keeps what it was sent."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan


class Collector:
    """What was received, by service, and the address to send to."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.spans: list[WireSpan] = []
        self.services: set[str] = set()
        self.paths: set[str] = set()
        self.raw = b""
        self._lock = threading.Lock()

    def take(self, path: str, body: bytes) -> None:
        """Keep one request."""
        request = ExportTraceServiceRequest.FromString(body)
        with self._lock:
            self.paths.add(path)
            self.raw += body
            for resource in request.resource_spans:
                for pair in resource.resource.attributes:
                    if pair.key == "service.name":
                        self.services.add(pair.value.string_value)
                for scope in resource.scope_spans:
                    self.spans.extend(scope.spans)

    def named(self, beginning: str) -> list[WireSpan]:
        """The spans whose names begin so."""
        return [span for span in self.spans if span.name.startswith(beginning)]


def attributes(span: WireSpan) -> dict[str, object]:
    """A span's attributes as plain values."""
    found: dict[str, object] = {}
    for pair in span.attributes:
        kind = pair.value.WhichOneof("value")
        value = getattr(pair.value, kind or "string_value")
        if kind == "array_value":
            value = [each.string_value for each in value.values]
        found[pair.key] = value
    return found


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            collector.take(self.path, body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
