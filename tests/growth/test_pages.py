"""The pages say what the figures on record say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks.performance import (
    capacity,
    gateway_page,
    growth_page,
    growth_part,
    soak_part,
    tables_part,
)
from benchmarks.performance.lines import lines

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "performance"


def test_the_page_of_growth_is_drawn_from_its_figures() -> None:
    assert growth_page.outdated() == []


def test_the_page_of_the_gateway_is_drawn_from_its_figures() -> None:
    assert gateway_page.outdated() == []


def test_the_page_of_the_gateway_shows_every_figure_that_was_taken() -> None:
    asked = {"requests": 9, "per_s": 600.5, "p50_ms": 1.5, "p99_ms": 7, "cpu_ms": 0.75}
    heard = {"heard": 4000, "p50_ms": 2, "p99_ms": 3, "cpu_ms": 0.05, "cpu_ms_to_open": 1.25}
    idle = {"rss_mb": 509.0, "kb_each": 45.5, "cores": 0.25}
    figures = {
        "POST /runs": {**asked, "offered_per_s": 600},
        "1000 listeners": heard,
        "quiet": idle,
    }
    page = gateway_page.http_part(figures)
    assert "| POST /runs | 600 | 600 | 1.5 | 7 | 0.75 |" in page
    assert "| 1000 listeners | 4,000 | 2 | 3 | 0.05 | 1.25 |" in page
    assert "| quiet | 509 | 45.5 | 0.25 |" in page
    ET.fromstring(gateway_page.http_charts(figures)["gateway-cpu.svg"])


def test_the_page_of_capacity_is_computed_from_its_constants() -> None:
    assert capacity.main(["--check"]) == 0


@pytest.mark.parametrize("runs", capacity.RUNS_A_DAY)
def test_sizes_follow_from_what_a_run_costs(runs: int) -> None:
    of = capacity.constants(json.loads((FOLDER / "capacity.json").read_text()))
    need = capacity.size(runs, of)
    # Busy cores at the peak: runs a second by seconds a run, with the room that is left free.
    assert need.lanes_cores == pytest.approx(
        runs / 86_400 * capacity.PEAK * of.lanes_ms / 1000 / capacity.FULL
    )
    assert need.partitions >= need.lanes_cores
    assert need.machines * capacity.CORES_A_MACHINE >= (
        need.lanes_cores + need.projector_cores + need.kafka_cores + need.postgres_cores
    )
    assert need.machines == 1 or need.machines >= capacity.REPLICAS


FOLLOWING = {
    "following": [
        {
            "runs": 2000,
            "runs_per_s": 512.3,
            "records": 104_000,
            "most_behind": 9_000,
            "most_behind_s": 1.25,
            "caught_up_s": 0.4,
        }
    ],
    "following_looks": [[0.0, 0, 0.0], [1.0, 9000, 1.25], [4.0, 0, 0.0]],
    "rebuild": [
        {
            "view": "runs",
            "events": 104_000,
            "rows": 2000,
            "seconds": 2.0,
            "events_per_s": 52_000,
            "cpu_us": 17.5,
        }
    ],
}
LOOKUP = {
    "question": "a run",
    "scans": ["Index Scan runs_pkey", "Seq Scan a|b"],
    "rows": 1,
    "pages": 4,
    "may": 120,
    "ms": 0.05,
    "first_ms": 0.4,
}
TABLES = {
    "events": 10_000_000,
    "rows": 16_400_000,
    "database_mb": 12_345,
    "filled_s": 600.0,
    "lookups": [LOOKUP],
    "reports": [{**LOOKUP, "question": "everything", "may": None, "pages": 70_000}],
}
SOAK = {
    "minutes": 30.0,
    "load": 0.7,
    "capacity_per_s": 400.0,
    "asked": 504_000,
    "completed": 504_000,
    "offered_per_s": 280.0,
    "run_p50_ms": 61.2,
    "run_p99_ms": 212.0,
    "caught_up_s": 0.1,
    "trends": {
        "memory": {"bench": {"first_mb": 80.0, "last_mb": 95.0, "mb_an_hour": 0.4, "cores": 0.52}},
        "lag": {"most": 900, "median": 120, "an_hour": -3},
    },
    "samples": [
        {"s": 10.0, "memory_mb": {"bench": 80.0}, "behind": 100},
        {"s": 20.0, "memory_mb": {"bench": 95.0}, "behind": 900},
    ],
}


def test_what_was_not_measured_says_so() -> None:
    text = growth_part.part({"cores": 2, **FOLLOWING})

    assert "Of steps nothing is measured yet: `make bench-growth`." in text
    assert "| 2,000 | 512 | 104,000 | 9,000 | 1.25 | 0.4 |" in text
    assert "| runs | 104,000 | 2,000 | 2 | 52,000 | 17.5 |" in text
    assert set(growth_part.charts(FOLLOWING)) == {"growth-following.svg", "growth-rebuild.svg"}


def test_a_look_up_stands_with_its_bound_and_a_report_apart() -> None:
    text = tables_part.part(TABLES)

    assert "10,000,000 events and 6,400,000 other rows, 12,345 MB" in text
    assert r"| a run | 1 | 4 | 120 | 0.05 | Index Scan runs_pkey, Seq Scan a\|b |" in text
    assert r"| everything | 70,000 | 0.05 | Index Scan runs_pkey, Seq Scan a\|b |" in text
    assert list(tables_part.charts(TABLES)) == ["growth-tables.svg"]


def test_a_soak_stands_with_what_grows_an_hour() -> None:
    text = soak_part.part(SOAK)

    assert "30 minutes at 70% of 400 runs/s: 504,000 runs asked for, 504,000 completed" in text
    assert "| bench | 80 | 95 | 0.4 | 0.52 |" in text
    assert "| 900 | 120 | -3 | 0.1 |" in text
    assert set(soak_part.charts(SOAK)) == {"soak-memory.svg", "soak-lag.svg"}


def test_a_soak_that_did_not_end_well_says_so() -> None:
    text = soak_part.part({**SOAK, "completed": 503_990, "caught_up_s": None, "stopped": "why"})

    assert "503,990 completed" in text
    assert "It was stopped: why." in text
    assert "| 900 | 120 | -3 | not |" in text


@pytest.mark.parametrize(
    "drawn",
    [growth_part.charts(FOLLOWING), tables_part.charts(TABLES), soak_part.charts(SOAK)],
)
def test_every_plot_is_sound_xml(drawn: dict[str, str]) -> None:
    for text in drawn.values():
        assert ET.fromstring(text).tag.endswith("svg")


def places(drawn: str) -> list[list[tuple[float, float]]]:
    found = ET.fromstring(drawn).findall("{http://www.w3.org/2000/svg}polyline")
    return [
        [(float(x), float(y)) for x, y in (pair.split(",") for pair in f.attrib["points"].split())]
        for f in found
    ]


def test_a_line_goes_through_its_points() -> None:
    one, other = places(lines("t", "u", "s", {"a": [(0, 0), (10, 50)], "b<": [(0, 100), (5, 0)]}))

    (left, bottom), (right, middle) = one
    assert other == [(left, pytest.approx(2 * middle - bottom)), ((left + right) / 2, bottom)]


@pytest.mark.parametrize("points", [[], [(0.0, 0.0)], [(0.0, 0.004), (1.0, 0.0)]])
def test_a_chart_of_next_to_nothing_is_drawn(points: list[tuple[float, float]]) -> None:
    series: dict[str, Any] = {"a": points}
    assert len(places(lines("t", "u", "s", series))) == (1 if points else 0)


def test_taking_keeps_what_was_not_measured_this_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth_page, "FOLDER", tmp_path)
    monkeypatch.setattr(growth_page, "kept", lambda _: {"cores": 2, **FOLLOWING})
    (tmp_path / "growth.md").write_text((FOLDER / "growth.md").read_text())
    live = [{"runs": 100, "memory_kb_a_run": 11.9, "restore_s": 0.02, "records": 1000}]
    (tmp_path / "growth.json").write_text(json.dumps({"cores": 2, "live": live}))

    growth_page.take("growth")

    assert growth_page.outdated() == []
    assert "| 100 | 11.9 | 0.02 | 1,000 |" in (tmp_path / "growth.md").read_text()
    assert (tmp_path / "growth-following.svg").exists()
