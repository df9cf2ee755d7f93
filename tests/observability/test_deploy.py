"""Dashboards, rules and scrape targets: held against what the code exports."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from runfold.infra.metrics.derived import DERIVED
from runfold.infra.metrics.table import TABLE
from runfold.surfaces.docs.metrics import ROOMS
from runfold.surfaces.processes import PROCESSES
from tests.observability.expressions import names_in, unknown_names

ROOT = Path(__file__).parents[2]
DASHBOARDS = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
RULES = ROOT / "deploy/prometheus/rules.yaml"
SCRAPED = ROOT / "deploy/prometheus/prometheus.yml"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())

for room in ROOMS:
    import_module(room)


def exported() -> frozenset[str]:
    """Ours, and what the monitor's own collector says."""
    said = "\n".join(f.read_text() for f in (ROOT / "processors/monitor").rglob("*.py"))
    return TABLE.exported() | set(re.findall(r'"(runfold_monitor_\w+)"', said))


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (panel for panel in dashboard["panels"] if panel["type"] != "row")


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_a_dashboard_asks_only_for_what_is_exported(file: Path) -> None:
    dashboard = json.loads(file.read_text())
    asked = [
        (panel["title"], target["expr"])
        for panel in panels(dashboard)
        for target in panel["targets"]
    ]

    assert dashboard["uid"] == f"runfold-{file.stem}"
    assert asked
    assert [(t, e) for t, e in asked if not names_in(e) or unknown_names(e, exported())] == []


def test_there_is_an_overview_an_engine_and_a_cost_dashboard() -> None:
    assert [file.stem for file in DASHBOARDS] == ["cost", "engine", "overview"]


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_panels_do_not_lie_on_each_other(file: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(file.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_a_rule_asks_only_for_what_is_exported_and_says_what_to_do() -> None:
    for rule in rules():
        assert names_in(rule["expr"]), rule["alert"]
        assert unknown_names(rule["expr"], exported()) == set(), rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["action"]


def test_a_wrong_name_would_be_noticed() -> None:
    wrong = 'sum by (topic) (rate(runfold_lane_lag_record{topic="runs"}[5m])) > vector(0)'

    assert unknown_names(wrong, exported()) == {"runfold_lane_lag_record"}


def test_every_process_of_the_stack_is_scraped_where_compose_serves_it() -> None:
    config = yaml.safe_load(SCRAPED.read_text())
    jobs = {job["job_name"]: job["dns_sd_configs"][0] for job in config["scrape_configs"]}
    ours = COMPOSE["x-runfold"]["environment"]

    assert {process.name for process in PROCESSES if not process.once} <= jobs.keys()
    assert all(job["names"] == [name] for name, job in jobs.items())
    assert {str(job["port"]) for job in jobs.values()} == {ours["RUNFOLD_METRICS_PORT"]}
    assert ours["RUNFOLD_METRICS_ADDRESS"] == "0.0.0.0"


def test_compose_mounts_what_is_here() -> None:
    for name in ("prometheus", "grafana"):
        for volume in COMPOSE["services"][name]["volumes"]:
            source = volume.partition(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).is_dir(), source
    source = ROOT / "deploy/grafana/provisioning/datasources/prometheus.yaml"
    assert yaml.safe_load(source.read_text())["datasources"][0]["uid"] == "prometheus"


def test_promtool_accepts_every_expression_and_the_configuration(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed here; names are held against the code all the same")
    asked = [figure.expression for figure in DERIVED]
    for file in DASHBOARDS:
        found = panels(json.loads(file.read_text()))
        asked += [target["expr"] for panel in found for target in panel["targets"]]
    recorded = [{"record": f"x{n}", "expr": expr} for n, expr in enumerate(asked)]
    all_asked = tmp_path / "asked.yaml"
    all_asked.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": recorded}]}))
    checks = (("rules", RULES), ("rules", all_asked), ("config", SCRAPED))
    for arguments in (("check", *check) for check in checks):
        done = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
