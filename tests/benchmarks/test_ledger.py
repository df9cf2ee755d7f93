"""What happened outside is counted from the ledger, whoever wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.peers.agent import work
from benchmarks.peers.ledger import Ledger, gaps_ms, tally

MS = 1_000_000


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.txt")


def write(ledger: Ledger, *lines: str) -> None:
    with ledger.path.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def whole_run(run_id: str, step_ms: int = 2, model_ms: int = 50) -> list[str]:
    """A run whose calls follow each other ``step_ms`` after the end of the one before."""
    lines, at = [], 1000 * MS
    for number in range(work.MODEL_CALLS):
        lines.append(f"{run_id} model {number} {at} {at + model_ms * MS} -")
        at += (model_ms + step_ms) * MS
        if number < work.TOOL_CALLS:
            lines.append(f"{run_id} tool {number} {at} {at} key-{number}")
            at += step_ms * MS
    return lines


def test_a_whole_run_has_nothing_repeated_and_nothing_lost(ledger: Ledger) -> None:
    write(ledger, *whole_run("a"))

    counted = tally(ledger.calls(["a"]), runs=1)

    assert (counted.effects, counted.effects_repeated, counted.effects_lost) == (5, 0, 0)
    assert counted.model_calls_repeated == 0


def test_repeated_and_lost_effects_do_not_cancel_out(ledger: Ledger) -> None:
    lines = whole_run("a")
    write(ledger, *lines[:-2], lines[1], lines[1], lines[0])

    counted = tally(ledger.calls(["a"]), runs=1)

    assert counted.effects_repeated == 2
    assert counted.effects_lost == 1
    assert counted.model_calls_repeated == 1


def test_a_run_that_left_no_line_has_lost_every_effect(ledger: Ledger) -> None:
    assert tally(ledger.calls(["a"]), runs=1).effects_lost == work.TOOL_CALLS


def test_only_the_runs_that_were_asked_for_count(ledger: Ledger) -> None:
    write(ledger, *whole_run("a"), *whole_run("b"))

    assert tally(ledger.calls(["b"]), runs=1).effects == work.TOOL_CALLS


def test_what_a_step_adds_is_without_the_time_of_the_model(ledger: Ledger) -> None:
    write(ledger, *whole_run("a", step_ms=3, model_ms=50), *whole_run("b", step_ms=3, model_ms=0))

    gaps = gaps_ms(ledger.calls(["a", "b"]))

    assert len(gaps) == 2 * (work.STEPS - 1)
    assert set(gaps) == {3.0}


def test_effects_are_counted_since_the_mark_and_only_whole_lines(ledger: Ledger) -> None:
    write(ledger, *whole_run("a"))
    ledger.skip()
    with ledger.path.open("a") as file:
        file.write("b model 0 1 1 -\nb tool 0 1 1 -\nb too")
    assert ledger.effects() == 1
    with ledger.path.open("a") as file:
        file.write("l 1 1 1 -\n")

    assert ledger.effects() == 2


@pytest.mark.parametrize("size", [1, 100, 10_000])
def test_contents_have_the_size_that_is_asked_for_and_differ(size: int) -> None:
    assert len(work.prose("a", size)) == size
    assert size < 10 or work.prose("a", size) != work.prose("b", size)


def test_a_goal_carries_its_load() -> None:
    load = work.Load(model_ms=50, content_bytes=10_000)

    assert work.load_of(load.goal()) == load


def test_the_model_asks_for_five_tools_and_then_answers() -> None:
    goal = work.Load().goal()
    said = [work.said("a", goal, turn)["type"] for turn in range(work.MODEL_CALLS)]

    assert said == ["tool_call"] * work.TOOL_CALLS + ["answer"]
