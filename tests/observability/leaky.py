"""A product at work on real servers, fed with canaries, watched from outside."""

from __future__ import annotations

import json
import os
import threading
import urllib.request
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span

from runfold.events.contents.content import text
from runfold.events.definitions import (
    AgentDefinition,
    Definition,
    ModelChoice,
    ModelScript,
    ScriptTurn,
)
from runfold.events.records.commands import RunRequested
from runfold.events.run import Event
from runfold.infra.credentials.signing import Signer
from runfold.infra.credentials.token import Claims, issue
from runfold.processors.tool import contract_of
from runfold.producers.client import RunClient
from runfold.producers.identity import uuid7
from runfold.producers.log.kafka import Publisher, TopicReader
from runfold.stack import ports
from runfold.stack.settings import Settings
from tests.observability.collector import Collector, collecting
from tests.observability.tools import TOOLS
from tests.support import warm
from tests.support.stack import wait_until
from tests.system.crash.agent import CODEC, publish_definitions

MODULES = {
    "runs": "runfold.processors.run",
    "tools": "runfold.processors.tool",
    "projector": "runfold.projections",
}
SECRET, KEY = "canary-secret-91c2", "sk-canary-key-77d0"
CREDENTIAL_KEY = "canary-of-the-credential-keys-0123456789abcd"
TOKEN = issue(
    "k1",
    urlsafe_b64decode(CREDENTIAL_KEY),
    Claims("acme", "ada", 4_000_000_000, "t1"),
)
"""What the run is asked for with; its secret is a canary too."""

CALLER = SpanContext(0xC0FFEE, 0xBEEF, is_remote=False, trace_flags=TraceFlags(1))
GOAL, PROMPT = "canary-goal-5e1b", "canary-prompt-0a4f"

_TURNS = (
    ScriptTurn(
        calls=(
            {"name": "leak.answer", "arguments": {"what": "{{ goal }}"}},
            {"name": "leak.raise", "arguments": {"what": "{{ goal }}"}},
        )
    ),
    ScriptTurn(calls=({"name": "complete_task", "arguments": {"summary": "{{ goal }}"}},)),
)


def definitions() -> list[Definition]:
    """The agent asks a provider that refuses, quoting key and prompt, and falls back."""
    contracts = [contract_of(each) for each in TOOLS]
    agent = AgentDefinition(
        name="leaky",
        version="1.0.0",
        instructions=f"Be careful. {PROMPT}",
        prompt_version="1",
        model=ModelChoice(name="openai:gpt-5", fallbacks=("scripted:leaky",)),
        tools=tuple(contract.name for contract in contracts),
    )
    return [*contracts, ModelScript(name="leaky", version="1.0.0", turns=_TURNS), agent]


@dataclass
class Watched:
    """The running product: where it can be asked, and what it wrote."""

    settings: Settings
    collector: Collector
    ports: dict[str, int]
    processes: dict[str, warm.Started] = field(default_factory=dict)

    def metrics(self, name: str) -> str:
        """What a process exports now."""
        address = f"http://127.0.0.1:{self.ports[name]}/metrics"
        with urllib.request.urlopen(address, timeout=10) as answer:
            found: str = answer.read().decode()
        return found

    def log(self, name: str) -> str:
        """What a process has written."""
        return (self.settings.home / f"{name}.log").read_text()

    def run(self) -> list[Event]:
        """One run from request to end."""
        reader = TopicReader(self.settings.kafka_config(), CODEC)
        writer = Publisher(self.settings.producer_config(), CODEC, signer=Signer(TOKEN))
        asked = RunRequested(
            run_id=uuid7(),
            tenant_id="acme",
            user_id="ada",
            agent="leaky",
            goal=text(GOAL),
            requested_at=datetime.now(UTC),
        )
        # The program that asks is in a span of its own.
        with use_span(NonRecordingSpan(CALLER)):
            writer.publish("runs.requests", asked, asked.run_id)
            # One that becomes a dead letter, with all that came with it.
            writer.publish("runs.requests", asked, "another key")
        client = RunClient(writer, reader)
        client.completion(asked.run_id, 60)
        return list(client.events(asked.run_id))

    def stop(self) -> None:
        """End every process as an operator would, so that the last spans are sent."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(40)


@contextmanager
def watched(settings: Settings) -> Iterator[Watched]:
    """Run processor, tool pool and projector, with every way of leaking open to them."""
    with ExitStack() as stack:
        collector = stack.enter_context(collecting())
        provider = stack.enter_context(_refusing())
        taken = ports.claim(settings.home / "metrics.json", tuple(MODULES))
        found = Watched(settings, collector, taken)
        stack.callback(_kill, found)
        publish_definitions(settings, definitions())
        for name, module in MODULES.items():
            env = {
                **os.environ,
                **settings.to_env(),
                "RUNFOLD_METRICS_PORT": str(taken[name]),
                "RUNFOLD_TOOL_MODULES": "tests.observability.tools",
                "RUNFOLD_SECRET_VAULT": SECRET,
                "RUNFOLD_CREDENTIALS": "require",
                "RUNFOLD_SECRET_CREDENTIAL_KEYS": f"k1 {CREDENTIAL_KEY}",
                "OPENAI_API_KEY": KEY,
                "OPENAI_BASE_URL": provider,
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
                "OTEL_BSP_SCHEDULE_DELAY": "100",
            }
            with (settings.home / f"{name}.log").open("ab") as log:
                found.processes[name] = warm.start(module, env=env, stdout=log, stderr=log)
        yield found


def _kill(product: Watched) -> None:
    for process in product.processes.values():
        process.kill()
        process.wait()


@contextmanager
def _refusing() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
            said = f"{self.headers['Authorization']} may not say {asked}"
            answer = json.dumps({"error": {"message": said, "type": "server_error"}}).encode()
            self.send_response(503)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def wait_for_metric(product: Watched, name: str, line: str) -> None:
    """Wait until a process exports a line that begins so, with a value above zero."""

    def there() -> bool:
        rows = product.metrics(name).splitlines()
        return any(row.startswith(line) and float(row.rpartition(" ")[2]) > 0 for row in rows)

    wait_until(there, 40)
