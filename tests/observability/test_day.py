"""The scripted day through the real projector: what it counts and what the tables say, by hand.

Of the day's 480 runs (``tests/monitor/test_day.py``) a quarter is writer's and a half umbrella's.
20 failed (5 of them writer's), after one retry; 20 asked the unpriced model (5 of them writer's).
"""

from __future__ import annotations

import json
import re
import socket
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from runfold.stack.settings import Settings
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from runfold.surfaces.cli.context import Context
from tests.monitor.running import append
from tests.monitor.test_day import story
from tests.projections.running import ask, projector, wait_caught_up
from tests.support.stack import wait_until

pytestmark = pytest.mark.integration

EVENTS = 460 * 8 + 20 * 11
MODEL, TOOL = Decimal("0.0012"), Decimal("0.0003")

# Counters and sums of the projector, floats that sums of money are near to. A decade of runs takes
# its models 10 · 100 + 10 · 45 ms. Run 300, triage's, took three hours longer than the two seconds
# of any other.
METRICS: dict[str, float] = {
    'runs_begun_total{agent="triage"}': 360,
    'runs_begun_total{agent="writer"}': 120,
    'runs_ended_total{agent="triage",exit_code="0",status="success"}': 345,
    'runs_ended_total{agent="writer",exit_code="0",status="success"}': 115,
    'runs_ended_total{agent="triage",exit_code="1",status="failure"}': 15,
    'runs_ended_total{agent="writer",exit_code="1",status="failure"}': 5,
    'run_failures_total{agent="writer",error_type="tool_error"}': 5,
    'model_calls_total{agent="triage",fallback="no",model="big",outcome="succeeded"}': 345,
    'model_calls_total{agent="writer",fallback="no",model="new",outcome="succeeded"}': 5,
    'model_call_seconds_sum{model="big",outcome="succeeded"}': 46 * 1.45,
    'model_call_seconds_count{model="big",outcome="succeeded"}': 460,
    'model_call_seconds_sum{model="new",outcome="succeeded"}': 2 * 1.45,
    'model_tokens_total{agent="triage",direction="input",model="big"}': 34_500,
    'model_tokens_total{agent="writer",direction="output",model="big"}': 2_300,
    'model_cost_usd_total{agent="triage",attempt="first",model="big"}': 0.414,
    'model_cost_usd_total{agent="writer",attempt="first",model="big"}': 0.138,
    'model_unpriced_calls_total{model="new"}': 20,
    'tool_calls_total{outcome="succeeded",tool="files.read"}': 460,
    'tool_calls_total{outcome="failed",tool="files.read"}': 40,
    'tool_call_seconds_sum{outcome="succeeded",tool="files.read"}': 23,
    'tool_call_seconds_sum{outcome="failed",tool="files.read"}': 40,
    'tool_errors_total{error_type="timeout",tool="files.read"}': 40,
    'tool_cost_usd_total{agent="triage",tool="files.read"}': 0.1035,
    'tool_cost_usd_total{agent="writer",tool="files.read"}': 0.0345,
    'retries_total{kind="tool"}': 20,
    'run_first_action_seconds_sum{agent="writer"}': 120,
    'run_queue_seconds_sum{agent="triage"}': 72,
    'run_seconds_sum{agent="triage",status="success"}': 344 * 2 + 10_802,
    'run_seconds_sum{agent="writer",status="success"}': 230,
    'run_seconds_sum{agent="triage",status="failure"}': 30,
    'run_cost_usd_sum{agent="triage",status="success"}': 330 * 0.0015 + 15 * 0.0003,
    'run_cost_usd_sum{agent="writer",status="failure"}': 0.006,
    'run_tokens_sum{agent="writer",status="success"}': 13_800,
}


_COLUMNS = {"agent": "agent", "tenant": "tenant_id", "model": "model"}


class Day(NamedTuple):
    """What there is to ask at the end of the day."""

    settings: Settings
    metrics: dict[str, float]
    context: Context


@pytest.fixture
def lived(settings: Settings) -> Iterator[Day]:
    """The day on a real journal, projected into real tables."""
    runs = [story(number) for number in range(480)]
    assert append(settings.bootstrap_servers, runs, per=40) == EVENTS
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with projector(settings, RUNFOLD_METRICS_PORT=str(port)):
        wait_caught_up(settings)
        # A batch is counted after its commit.
        wait_until(lambda: _taken(scraped(port)) == EVENTS)
        context = Context()
        context.settings = context.attached = settings
        yield Day(settings, scraped(port), context)
        context.engine.dispose()


def scraped(port: int) -> dict[str, float]:
    """Every sample that is exported, by its name with labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        rows = [row for row in answer.read().decode().splitlines() if not row.startswith("#")]
    return {name: float(value) for name, _, value in (row.rpartition(" ") for row in rows)}


def _taken(metrics: dict[str, float]) -> float:
    counted = "runfold_projector_records_total{"
    ours = [v for k, v in metrics.items() if k.startswith(counted) and "runs.events" in k]
    return sum(ours)


def spent(context: Context, capsys: pytest.CaptureFixture[str], by: str) -> dict[Any, Any]:
    """``runfold costs`` by a dimension: cost, calls, unpriced and wasted."""
    assert run(["costs", "--by", by, "--json"], context) == exits.OK
    rows = json.loads(capsys.readouterr().out, parse_float=Decimal)
    return {
        row[_COLUMNS[by]]: (
            Decimal(row["cost_usd"] or 0), row["calls"], row["unpriced"],
            Decimal(row["wasted_usd"]),
        )
        for row in rows
    }  # fmt: skip


def test_what_a_day_comes_to(lived: Day, capsys: pytest.CaptureFixture[str]) -> None:
    found = {name: lived.metrics.get(f"runfold_{name}") for name in METRICS}
    assert found == pytest.approx(METRICS, abs=1e-9)
    # Nothing was counted under a name that the day does not have.
    for total, metric in ((480, "runs_ended_total"), (480, "model_calls_total")):
        of = re.compile(rf"runfold_{metric}{{")
        assert sum(value for name, value in lived.metrics.items() if of.match(name)) == total

    rows = ask(
        lived.settings,
        "SELECT agent, status, count(*), sum(cost_usd), sum(unpriced_calls), sum(input_tokens),"
        " sum(retries), max(latency_ms) FROM runs GROUP BY 1, 2 ORDER BY 1, 2",
    )
    assert rows == [
        ("triage", "completed", 345, 330 * MODEL + 345 * TOOL, 15, 34_500, 0, 10_802_000),
        ("triage", "failed", 15, 15 * MODEL, 0, 1_500, 15, 2_000),
        ("writer", "completed", 115, 110 * MODEL + 115 * TOOL, 5, 11_500, 0, 2_000),
        ("writer", "failed", 5, 5 * MODEL, 0, 500, 5, 2_000),
    ]
    usual = 20 * (MODEL + TOOL)
    hours = [usual] * 24
    hours[10] = 20 * MODEL  # no tool worked
    hours[15] -= TOOL  # one call was still out
    hours[18] += TOOL  # and came back
    hours[20] = 20 * TOOL  # the model has no price
    assert hours == [
        cost
        for _, cost in ask(
            lived.settings, "SELECT date_trunc('hour', time), sum(cost_usd) FROM costs"
            " GROUP BY 1 ORDER BY 1",
        )
    ]  # fmt: skip

    wasted = 20 * MODEL
    assert spent(lived.context, capsys, "agent") == {
        "triage": (345 * (MODEL + TOOL), 705, 15, 15 * MODEL),
        "writer": (115 * (MODEL + TOOL), 235, 5, 5 * MODEL),
    }
    assert spent(lived.context, capsys, "tenant") == {
        "acme": (230 * (MODEL + TOOL), 470, 10, wasted / 2),
        "umbrella": (230 * (MODEL + TOOL), 470, 10, wasted / 2),
    }
    assert spent(lived.context, capsys, "model") == {
        "big": (460 * MODEL, 460, 0, wasted),
        "new": (0, 20, 20, 0),
        None: (460 * TOOL, 460, 0, 0),
    }
    assert run(["costs", "verify"], lived.context) == exits.OK
    said = capsys.readouterr().out
    assert "$0.690000000000 in 940 calls, 20 of them unpriced" in said
