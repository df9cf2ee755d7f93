"""Metric endpoints asked by several clients while runs go on: always whole, right in the end."""

from __future__ import annotations

import re
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from runfold.events import topics
from runfold.events.contents.content import text
from runfold.events.records.commands import RunRequested
from runfold.events.run import Event
from runfold.infra.credentials.signing import Signer
from runfold.producers.identity import uuid7
from runfold.producers.log.kafka import Publisher, TopicReader
from runfold.stack.settings import Settings
from tests.observability.leaky import GOAL, MODULES, TOKEN, Watched, watched
from tests.support.stack import wait_until
from tests.system.crash.agent import CODEC

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

RUNS = 30
CLIENTS = 4

Samples = dict[str, float]


def scraped(port: int) -> Samples:
    """Every sample of an endpoint; fails where an answer is not a metrics page."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        assert answer.status == 200
        rows = answer.read().decode().splitlines()
    pairs = (row.rpartition(" ") for row in rows if row and not row.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


class Clients:
    """Several that ask all endpoints again and again, and look at what only grows."""

    def __init__(self, product: Watched) -> None:
        self.answers: Counter[str] = Counter()
        self.faults: list[str] = []
        self._product = product
        self._ended = threading.Event()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask while the block lasts."""
        threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()

    def _ask(self) -> None:
        last: dict[str, Samples] = {name: {} for name in MODULES}
        while not self._ended.wait(0.02):
            for name in MODULES:
                try:
                    found = scraped(self._product.ports[name])
                except Exception as error:  # noqa: BLE001 - any is a finding
                    self.faults.append(f"{name}: {error!r}")
                    return
                shrunk = [k for k, v in last[name].items() if found.get(k, 0.0) < v]
                self.faults += [f"{name}: {sample} shrank" for sample in shrunk]
                last[name] = {k: v for k, v in found.items() if _grows(k)}
                self.answers[name] += 1


def _grows(sample: str) -> bool:
    name = re.split(r"[{ ]", sample)[0]
    return name.startswith("runfold_") and name.endswith(("_total", "_count", "_bucket"))


def journal(settings: Settings) -> list[Event]:
    reader = TopicReader(settings.kafka_config(), CODEC)
    return [found.record for found in reader.read(topics.EVENTS) if isinstance(found.record, Event)]


def of(samples: Samples, metric: str, *labels: str) -> float:
    """The sum of a metric's samples that have all these labels."""
    return sum(
        value
        for name, value in samples.items()
        if name.partition("{")[0] == metric and all(label in name for label in labels)
    )


def test_scrapes_under_load_are_whole_and_in_the_end_equal_to_the_journal(
    settings: Settings,
) -> None:
    with watched(settings) as product:
        for port in product.ports.values():
            wait_until(lambda port=port: _serves(port), 60)
        clients = Clients(product)
        requests = [
            RunRequested(
                run_id=uuid7(), tenant_id="acme", user_id="ada", agent="leaky", goal=text(GOAL),
                requested_at=datetime.now(UTC),
            )
            for _ in range(RUNS)
        ]  # fmt: skip
        with clients.asking():
            Publisher(settings.producer_config(), CODEC, signer=Signer(TOKEN)).publish_all(
                topics.REQUESTS, [(request, request.run_id) for request in requests]
            )
            port = product.ports["projector"]
            wait_until(lambda: of(scraped(port), "runfold_runs_ended_total") == RUNS, 120)
        assert clients.faults == []
        assert all(clients.answers[name] >= CLIENTS for name in MODULES)

        events = journal(settings)
        written = Counter(type(event.fact).__name__ for event in events)
        assert written["RunCompleted"] == RUNS
        found = {name: scraped(product.ports[name]) for name in MODULES}
        runs, tools, projector = found["runs"], found["tools"], found["projector"]
        assert of(runs, "runfold_lane_events_total") == len(events)
        assert of(projector, "runfold_projector_records_total", 'topic="runs.events"') == len(
            events
        )
        for metric, labels, kind in (
            ("runfold_runs_begun_total", (), "RunCreated"),
            ("runfold_model_calls_total", ('outcome="succeeded"',), "ModelResponded"),
            ("runfold_model_call_seconds_count", ('outcome="succeeded"',), "ModelResponded"),
            ("runfold_tool_calls_total", ('outcome="succeeded"',), "ToolCallSucceeded"),
            ("runfold_tool_errors_total", (), "ToolCallFailed"),
            ("runfold_policy_decisions_total", (), "PolicyDecided"),
            ("runfold_checkpoints_total", (), "CheckpointWritten"),
        ):
            assert of(projector, metric, *labels) == written[kind], metric
        assert (
            of(tools, "runfold_pool_results_total", 'topic="tool.calls"')
            == (written["ToolCallFailed"])
        )


def _serves(port: int) -> bool:
    try:
        scraped(port)
    except OSError:
        return False
    return True
