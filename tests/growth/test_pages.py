"""The pages say what the figures on record say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import capacity, growth_page

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "performance"


def test_the_page_of_growth_is_drawn_from_its_figures() -> None:
    assert growth_page.outdated() == []


def test_the_page_of_capacity_is_reckoned_from_its_constants() -> None:
    assert capacity.main(["--check"]) == 0


@pytest.mark.parametrize("runs", capacity.RUNS_A_DAY)
def test_sizes_follow_from_what_a_run_costs(runs: int) -> None:
    of = capacity.constants(json.loads((FOLDER / "capacity.json").read_text()))
    want = capacity.size(runs, of)
    # Busy cores at the peak: runs a second by seconds a run, with the room that is left free.
    assert want.lanes_cores == pytest.approx(
        runs / 86_400 * capacity.PEAK * of.lanes_ms / 1000 / capacity.FULL
    )
    assert want.partitions >= want.lanes_cores
    assert want.machines * capacity.CORES_A_MACHINE >= (
        want.lanes_cores + want.projector_cores + want.kafka_cores + want.postgres_cores
    )
    assert want.machines == 1 or want.machines >= capacity.REPLICAS
