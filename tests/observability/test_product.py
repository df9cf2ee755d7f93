"""A whole product seen from outside: its metrics, its trace, its logs, and no canary in any."""

from __future__ import annotations

import json
import re

import psycopg
import pytest

from runfold.events.run import Event, ToolCallFailed, ToolCallSucceeded
from runfold.events.topics import TOPICS
from runfold.infra.metrics.table import TABLE
from runfold.infra.tracing import names
from runfold.producers.log.kafka import TopicReader
from runfold.projections.tables import METADATA
from runfold.stack.settings import Settings
from runfold.surfaces.docs.metrics import page
from tests.observability.collector import attributes
from tests.observability.leaky import (
    CALLER,
    CREDENTIAL_KEY,
    GOAL,
    KEY,
    MODULES,
    PROMPT,
    SECRET,
    TOKEN,
    Watched,
    wait_for_metric,
    watched,
)
from tests.support.stack import wait_until
from tests.system.crash.agent import CODEC

pytestmark = pytest.mark.integration

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7")


@pytest.mark.timeout(240)
def test_a_run_is_seen_everywhere_and_no_canary_anywhere(settings: Settings) -> None:
    with watched(settings) as product:
        events = product.run()
        wait_for_metric(product, "projector", "runfold_runs_ended_total")
        # The lag is known from the first fetch after the lanes have opened.
        wait_until(lambda: "runfold_lane_lag_records{" in product.metrics("runs"))
        exported = {name: product.metrics(name) for name in MODULES}
        product.stop()
        logs = {name: product.log(name) for name in MODULES}

        assert_metrics(exported)
        assert_trace(product, events)
        assert_logs(logs)
        for name in MODULES:
            for canary in (SECRET, KEY, GOAL, PROMPT):
                assert canary not in exported[name], (name, canary)
                assert canary not in logs[name], (name, canary)
        for canary in (SECRET, KEY, GOAL, PROMPT):
            assert canary.encode() not in product.collector.raw, canary
        assert_errors(events)
        # What was said stands on the log and in the tables; what opens doors stands nowhere.
        found = stored(settings)
        for canary in (SECRET, KEY, CREDENTIAL_KEY, str(TOKEN).rpartition(".")[2]):
            assert not [where for where, held in found.items() if canary.encode() in held], canary
            assert not [name for name in MODULES if canary in logs[name] + exported[name]]
            assert canary.encode() not in product.collector.raw
        assert GOAL.encode() in found["runs.requests"]
        assert GOAL.encode() in found["run_events"]
        assert found["dead.letters"]


def stored(settings: Settings) -> dict[str, bytes]:
    """Everything on every topic, with headers, and in every table, by its name."""
    reader = TopicReader(settings.kafka_config(), CODEC)
    found = {
        topic.name: b"".join(
            (each.value or b"") + b"".join(value or b"" for _, value in each.headers)
            for each in reader.read(topic.name)
        )
        for topic in TOPICS
    }
    with psycopg.connect(settings.database_url) as connection:
        for table in METADATA.tables:
            rows = connection.execute(f"SELECT x::text FROM {table} AS x".encode()).fetchall()
            found[table] = "".join(str(row) for (row,) in rows).encode()
    return found


def assert_metrics(exported: dict[str, str]) -> None:
    """Each process says its part, with labels that name nobody."""
    page()
    known = {name for name in TABLE.exported() if name.startswith("runfold_")}
    for text in exported.values():
        rows = [row for row in text.splitlines() if row.startswith("runfold_")]
        assert rows
        assert {re.split(r"[{ ]", row)[0] for row in rows} <= known
        assert not [row for row in rows if _UUID.search(row) or "ada" in row or "acme" in row]
    runs, tools, projector = exported["runs"], exported["tools"], exported["projector"]
    for row in ("lane_transactions_total", "lane_transaction_seconds_count", "lane_events_total"):
        assert f"runfold_{row}" in runs
    assert 'runfold_lane_lag_records{partition="' in runs
    assert 'runfold_effect_wait_seconds_count{kind="model"} 2.0' in runs
    assert 'runfold_pool_results_total{outcome="failed",topic="tool.calls"} 1.0' in tools
    assert 'runfold_runs_ended_total{agent="leaky",exit_code="0",status="success"} 1.0' in projector
    assert 'runfold_tool_errors_total{error_type="tool_error",tool="leak.raise"} 1.0' in projector
    assert 'fallback="yes",model="scripted:leaky",outcome="succeeded"} 2.0' in projector
    assert 'runfold_projector_lag_records{partition="0",topic="runs.events"}' in projector


def assert_trace(product: Watched, events: list[Event]) -> None:
    """One trace, named by the run: its own span, and one a call, from three processes."""
    collector, run_id = product.collector, events[0].meta.run_id
    whole = collector.named("invoke_agent leaky")

    assert collector.services == {"runfold-runs", "runfold-tools", "runfold-projector"}
    assert {span.trace_id.hex() for span in collector.spans} == {run_id.replace("-", "")}
    assert len(whole) == 1
    assert len(collector.named("chat ")) == 2
    assert {span.name for span in collector.named("execute_tool ")} == {
        "execute_tool leak.raise",
        "execute_tool leak.answer",
    }
    children = [span for span in collector.spans if span not in whole]
    assert all(span.parent_span_id == whole[0].span_id for span in children)
    assert attributes(whole[0])[names.EXIT_STATUS] == "success"
    (link,) = whole[0].links
    asked_in = (int.from_bytes(link.trace_id), int.from_bytes(link.span_id))
    assert asked_in == (CALLER.trace_id, CALLER.span_id)
    assert "CheckpointWritten" in {event.name for event in whole[0].events}


def assert_logs(logs: dict[str, str]) -> None:
    """Every line is JSON; one about a call says whose."""
    for name, text in logs.items():
        lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        assert lines, name
        assert [line for line in text.splitlines() if not line.startswith(("{", "%"))] == [], name
    raised = [json.loads(line) for line in logs["tools"].splitlines() if "leak.raise" in line]
    assert raised[0]["message"] == "tool leak.raise raised ValueError"
    assert raised[0]["call_id"].startswith(raised[0]["run_id"])
    assert raised[0]["trace_id"] == raised[0]["run_id"].replace("-", "")


def assert_errors(events: list[Event]) -> None:
    """What tools said holds no secret, in errors and in results."""
    failed = [event.fact for event in events if isinstance(event.fact, ToolCallFailed)]
    answered = [event.fact for event in events if isinstance(event.fact, ToolCallSucceeded)]

    assert "[redacted]" in failed[0].error.message
    assert answered[0].result.inline is not None
    assert SECRET.encode() not in answered[0].result.inline
    everything = repr([event.fact for event in events])
    assert SECRET not in everything
    assert KEY not in everything
