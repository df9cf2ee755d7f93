"""The machine's clock is set two hours ahead and back while runs are at work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runfold.events import topics
from runfold.events.run import Event, RetryScheduled, RunCompleted
from runfold.stack.settings import Settings
from tests.system import oracle
from tests.system.crash.agent import CODEC
from tests.system.crash.product import MODULES, Product, Supervised, product
from tests.system.torture.processes import clocked

pytestmark = [pytest.mark.integration, pytest.mark.crash, pytest.mark.timeout(240)]

AHEAD_S = 7200
RUNS = 6


@contextmanager
def stepped(settings: Settings, folder: Path, by_s: int) -> Iterator[tuple[Product, Path]]:
    """A product whose run processor has a clock that the file sets, and begins ``by_s`` ahead."""
    clock = folder / "clock"
    clock.write_text(str(by_s))
    with product(settings, folder, env={clocked.VARIABLE: str(clock)}) as running:
        running.processes.pop("runs").kill()
        module = ["tests.system.torture.processes.clocked", MODULES["runs"]]
        log = settings.home / "runs.log"
        running.processes["runs"] = Supervised(module, running.env, log)
        yield running, clock


def test_a_jump_ahead_and_back_ends_no_run_and_puts_nothing_off(
    settings: Settings, tmp_path: Path
) -> None:
    with stepped(settings, tmp_path, 0) as (running, clock):
        running.ask_for(RUNS)
        running.wait_for_events(RetryScheduled, 1)
        clock.write_text(str(AHEAD_S))
        running.ask_for(RUNS)
        running.wait_until(lambda: _said(settings, "ahead"), "the jump is said")
        clock.write_text("0")
        running.ask_for(RUNS)
        running.wait_until(lambda: _said(settings, "back"), "the jump back is said")
        assert running.judge() == []
        events = _events(settings)
    assert _completed(events) == 3 * RUNS
    assert max(event.meta.time for event in events) - datetime.now(UTC) < timedelta(minutes=1)


def test_what_is_due_two_hours_ahead_on_record_is_not_put_off_by_a_restart(
    settings: Settings, tmp_path: Path
) -> None:
    with stepped(settings, tmp_path, AHEAD_S) as (running, clock):
        running.ask_for(RUNS)
        running.wait_for_events(RetryScheduled, 1)
        running.processes["runs"].kill()
        clock.write_text("0")
        assert running.judge() == []
        events = _events(settings)
    assert _completed(events) == RUNS


def _said(settings: Settings, direction: str) -> bool:
    return f"clock was set {direction} by" in (settings.home / "runs.log").read_text()


def _events(settings: Settings) -> list[Event]:
    read = (
        CODEC.decode(topics.EVENTS, raw.value) for raw in oracle.read_topic(settings, topics.EVENTS)
    )
    return [event for event in read if isinstance(event, Event)]


def _completed(events: list[Event]) -> int:
    return sum(isinstance(event.fact, RunCompleted) for event in events)
