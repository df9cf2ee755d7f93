"""What people and Prometheus are shown, and that the page on rules says what the code knows."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from runfold.processors.monitor.core.metrics import METRICS
from runfold.processors.monitor.core.snapshot import Snapshot, snapshot
from runfold.processors.monitor.rule_files import read_rules
from runfold.processors.monitor.shell.exporter import SnapshotCollector
from runfold.processors.monitor.shell.page import page
from tests.monitor.given import take, watching
from tests.support.builders.timed import NOON, Run, seconds

DOCS = Path(__file__).parents[2] / "docs" / "monitor.md"
RULES = """
top: 2
silence: {planning: 10s}
rules:
  - {name: stuck, value: stuck_runs, by: agent, above: 0, severity: page, summary: stuck}
"""


def shown(folder: Path) -> Snapshot:
    runs = [
        Run(f"r{number}", tenant_id=f"tenant-{tenant}").begins().asks("1").answered("1", 120)
        for tenant in range(4)
        for number in range(tenant * 10, tenant * 10 + tenant + 1)
    ]
    odd = Run("r99", agent="<script>", tenant_id="tenant-3").begins()
    monitor = take(watching(folder, RULES), *runs, odd)
    now = NOON + seconds(60)
    for said in monitor.evaluate(now):
        monitor.alerts.apply(said)
    return snapshot(monitor, now)


def test_the_busiest_names_are_shown_and_the_rest_summed_up(tmp_path: Path) -> None:
    rows = [row for row in shown(tmp_path).rows if (row.window, row.by) == ("5m", "tenant")]
    assert [row.subject for row in rows] == ["tenant-3", "tenant-2", "other"]
    assert [row.totals["model_calls"] for row in rows] == [4, 3, 3]
    assert rows[-1].percentiles["model_ms"]["p95"] == 120


def test_prometheus_reads_what_the_snapshot_says(tmp_path: Path) -> None:
    now = shown(tmp_path)
    registry = CollectorRegistry()
    registry.register(SnapshotCollector(lambda: now))
    text = generate_latest(registry).decode()
    assert 'runfold_monitor_live_runs{status="planning"} 11.0' in text
    assert (
        'runfold_monitor_window{by="model",metric="model_calls",subject="big",window="5m"} 10.0'
        in text
    )
    assert 'runfold_monitor_alert{rule="stuck",severity="page",subject="triage"} 1.0' in text


def test_before_the_first_judgement_nothing_is_claimed() -> None:
    registry = CollectorRegistry()
    registry.register(SnapshotCollector(lambda: None))
    assert generate_latest(registry) == b""
    assert "nothing is judged yet" in page(None)


def test_the_page_tells_of_stuck_runs_and_quotes_nobody_as_markup(tmp_path: Path) -> None:
    text = page(shown(tmp_path))
    assert "Stuck runs (11)" in text
    assert "&lt;script&gt;" in text
    assert "<script>" not in text


def test_the_documented_rules_can_be_used_and_every_metric_is_described(tmp_path: Path) -> None:
    said = DOCS.read_text()
    example = tmp_path / "example.yaml"
    example.write_text(said.partition("```yaml\n")[2].partition("```")[0])
    assert read_rules([example]).names == {"retry-storm", "runs-succeed 5m/1h"}
    for metric in METRICS.values():
        by = ", ".join(metric.by) or "all only"
        assert (
            f"| `{metric.name}` | {metric.kind.value} | {metric.unit} | {by} | {metric.says} |"
            in said
        )
