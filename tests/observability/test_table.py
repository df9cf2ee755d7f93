"""The table of metrics: every row sound, no label without bound."""

from __future__ import annotations

import re
import urllib.request
from importlib import import_module
from pathlib import Path

import pytest
from prometheus_client import Counter, generate_latest

from runfold import infra
from runfold.infra.metrics.bounded import MOST_VALUES, OTHER, Bounded
from runfold.infra.metrics.derived import DERIVED
from runfold.infra.metrics.serving import serve_metrics
from runfold.infra.metrics.table import LABELS, TABLE, Table
from runfold.infra.settings.config import ConfigError
from runfold.stack import ports
from runfold.surfaces.docs.metrics import ROOMS
from tests.observability.expressions import unknown_names

for room in ROOMS:
    import_module(room)

_IDENTITIES = ("run", "call", "user", "tenant", "session", "thread", "request", "trace", "key")


def test_every_metric_has_a_formula_a_unit_and_a_process() -> None:
    assert len(TABLE.metrics) > 50
    for metric in TABLE.metrics.values():
        assert metric.formula, metric
        assert metric.unit, metric
        assert metric.process, metric


def test_no_label_names_what_has_no_bound() -> None:
    labels = {label for metric in TABLE.metrics.values() for label in metric.labels}

    assert labels <= LABELS
    assert not [label for label in LABELS if label in _IDENTITIES or label.endswith("_id")]


def test_every_room_that_defines_metrics_is_in_the_page() -> None:
    counted = {metric.name for metric in TABLE.metrics.values()}

    assert {family.name for family in TABLE.registry.collect() if "runfold" in family.name} == (
        counted
    )


def test_every_module_that_defines_metrics_is_one_of_them() -> None:
    # Which metrics the page shows must not depend on what else a process has imported.
    root = Path(infra.__file__).parents[1]
    defines = re.compile(r"TABLE\.(counter|gauge|histogram)\(")
    found = {
        "runfold." + ".".join(file.relative_to(root).with_suffix("").parts)
        for room in ("events", "infra", "producers", "processors", "projections", "surfaces")
        for file in (root / room).rglob("*.py")
        if defines.search(file.read_text(encoding="utf-8"))
    }

    assert found == set(ROOMS)


def test_a_label_without_bound_cannot_be_defined() -> None:
    with pytest.raises(ValueError, match="run_id"):
        Table().counter("runfold_x", "x", ["run_id"], process="test")


def test_a_name_is_defined_once_and_is_ours() -> None:
    table = Table()
    table.gauge("runfold_x", "x", process="test")
    with pytest.raises(ValueError, match="once"):
        table.gauge("runfold_x", "x", process="test")
    with pytest.raises(ValueError, match="begin"):
        table.gauge("x", "x", process="test")


def test_values_beyond_the_bound_count_as_other_and_nothing_is_lost() -> None:
    table = Table()
    calls = table.counter("runfold_x", "x", ["tool"], process="test")
    for number in range(MOST_VALUES + 400):
        calls(f"invented-{number}").inc()
    text = generate_latest(table.registry).decode()
    rows = [line for line in text.splitlines() if line.startswith("runfold_x_total")]

    assert len(rows) == MOST_VALUES + 1
    assert f'runfold_x_total{{tool="{OTHER}"}} 400.0' in rows
    assert sum(float(row.rpartition(" ")[2]) for row in rows) == MOST_VALUES + 400


def test_combinations_are_bounded_too() -> None:
    made = Bounded(Counter("c", "c", ["agent", "tool"], registry=None), ("agent", "tool"))
    for agent in range(90):
        for tool in range(90):
            made(f"a{agent}", f"t{tool}").inc()

    assert len(made._children) <= 2001


def test_the_figures_name_metrics_that_are_counted() -> None:
    exported = TABLE.exported()

    assert [d for d in DERIVED if unknown_names(d.expression, exported)] == []
    assert {d.group for d in DERIVED} == {
        "quality", "latency", "cost", "reliability", "safety", "efficiency",
    }  # fmt: skip


def test_a_port_serves_the_table_and_gives_one_sentence_where_it_is_taken() -> None:
    port = next(n for n in range(20_000, 30_000) if ports.is_free(n))
    serving = serve_metrics(port)
    assert serving is not None
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        with pytest.raises(ConfigError, match="RUNFOLD_METRICS_PORT"):
            serve_metrics(port)
    finally:
        serving.close()

    assert "runfold_lane_batch_inputs" in text
    assert "process_cpu_seconds_total" in text
    assert "_created" not in text
    assert serve_metrics(None) is None
