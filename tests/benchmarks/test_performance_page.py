"""The page of performance says what the figures beside it say, and nothing is typed in."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks.performance import floors_part, page, peers_part
from benchmarks.performance.chart import Bar, chart, number


def system(name: str, rate: float, **more: Any) -> dict[str, Any]:
    figures = {"few_runs": 300.0, "few_at_once": 50.0, "few_runs_per_s": rate, **more}
    ranges = {column: [value, value] for column, value in figures.items()}
    said = {"versions": {name: "1.0"}, "settings": "defaults", "licence": "MIT"}
    row = {"name": name, "title": name.title(), "rounds_measured": 3}
    return {**row, **said, **figures, "ranges": ranges}


def report(*systems: dict[str, Any]) -> dict[str, Any]:
    host = {
        "cores": 2,
        "processor": "some",
        "memory_gb": 8,
        "system": "Linux",
        "python": "3.11",
        "fsync_4k_p50_ms": 0.2,
        "busy_percent_before": 1.0,
    }
    about = {"measured_at": "2026-01-01", "profile": "standard", "rounds": 3, "seconds": 600}
    return {**about, "host": host, "systems": list(systems)}


def test_page_and_plots_are_what_the_figures_say() -> None:
    assert page.outdated() == []


def test_a_figure_stands_in_the_table_with_its_range() -> None:
    ranging = system("runfold", 612.4)
    ranging["ranges"]["few_runs_per_s"] = [580.2, 640.9]

    text = peers_part.part(report(ranging))

    assert "| Runfold | 612 (580 to 641) |" in text
    assert "300, 50 in flight" in text


def test_a_system_that_made_fewer_runs_says_so() -> None:
    fast, slow = system("runfold", 600.0), system("temporal", 8.0, few_runs=100.0)

    assert "| Temporal | 8, 100 runs |" in peers_part.part(report(fast, slow))


def test_a_system_that_was_not_measured_has_its_reason_and_no_row() -> None:
    missing = {"name": "t", "title": "T", "not_measured": "go is not there", "rounds_measured": 0}

    text = peers_part.part(report(system("runfold", 600.0), missing))

    assert "T: not measured: go is not there" in text
    assert "| T |" not in text


def test_every_plot_is_sound_xml_with_a_bar_a_system() -> None:
    drawn = peers_part.charts(report(system("a", 1.0), system("b<&", 2.0)))

    root = ET.fromstring(drawn["throughput.svg"])
    assert len(root.findall("{http://www.w3.org/2000/svg}line")) == 2


def test_lengths_are_in_proportion() -> None:
    drawn = chart("t", "u", [Bar("a", 1.0, 1.0, 1.0), Bar("b", 4.0, 4.0, 4.0)])

    boxes = ET.fromstring(drawn).findall("{http://www.w3.org/2000/svg}rect")[1:]
    short, long = (float(box.attrib["width"]) for box in boxes)
    assert long == pytest.approx(4 * short, rel=0.01)


def test_the_floor_s_table_shows_the_ratio() -> None:
    part = {"name": "Kafka", "unit": "CPU ms/run", "runfold": 2.0, "floor": 0.5, "ratio": 4.0}
    text = floors_part.part({"runs": 100, "parts": [{**part, "floor_is": "the same records"}]})

    assert "| Kafka | 2 | 0.5 | CPU ms/run | 4 | the same records |" in text


def test_figures_of_a_quick_try_are_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "BUILD", tmp_path / "build")
    monkeypatch.setattr(page, "FIGURES", tmp_path / "docs")
    (tmp_path / "build").mkdir()
    (tmp_path / "build/peers.json").write_text("[]")
    session = tmp_path / "build/peers.session.json"

    session.write_text('{"profile": "quick"}')
    assert page.take() == []
    session.write_text('{"profile": "standard"}')
    assert page.take() == ["peers.json", "peers.session.json"]


def test_text_outside_of_the_marks_stays() -> None:
    begin, end = "<!-- peers: generated, do not edit -->", "<!-- end of peers -->"

    assert page.between(f"a\n{begin}old{end}\nb", "peers", "new") == (
        f"a\n{begin}\n\nnew\n\n{end}\nb"
    )


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the marks"):
        page.between("a page", "peers", "new")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1234.5, "1,234"), (612.4, "612"), (12.0, "12"), (12.34, "12.3"), (1.5, "1.5"), (0.0, "0")],
)
def test_figures_show_the_digits_that_count(value: float, shown: str) -> None:
    assert number(value) == shown
