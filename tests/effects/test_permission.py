"""The tool pool on a real broker, with a lane that says which calls may begin."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from runfold.events.calls import BeginRequested, Outcome, ToolWork
from runfold.events.contents.content import json_content
from runfold.stack.settings import Settings
from tests.effects.given import tool_work
from tests.effects.lane import lane
from tests.effects.pools import PoolBench, bench, terminated
from tests.support.stack import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def pools(settings: Settings) -> Iterator[PoolBench]:
    with bench(settings) as found:
        yield found


def _records(folder: Path, run: str, *, by_permission: bool = True) -> ToolWork:
    return tool_work(
        f"{run}.1",
        tool="records",
        tool_version="1.0.0",
        arguments=json_content({"folder": str(folder)}),
        timeout_ms=5000,
        by_permission=by_permission,
    )


def _executions(folder: Path, work: ToolWork) -> int:
    place = folder / work.call_id
    return len(list(place.iterdir())) if place.exists() else 0


@pytest.mark.crash
@pytest.mark.parametrize("step", ["pool.before_ask", "pool.after_grant"])
def test_a_pool_that_dies_before_a_call_began_leaves_no_doubt(
    pools: PoolBench, settings: Settings, tmp_path: Path, step: str
) -> None:
    works = [_records(tmp_path, f"run{n}") for n in range(6)]
    with lane(settings) as answering:
        pools.publish(works)
        assert pools.start(step).wait(30) == -signal.SIGKILL
        pools.start()
        results = pools.results_of(works)
    assert {result.outcome for result in results} == {Outcome.SUCCEEDED}
    assert [_executions(tmp_path, work) for work in works] == [1] * len(works)
    # Whoever asks in the dead one's place says that it is somebody else; one that died before it
    # asked was never heard of.
    heard_of = 1 if step == "pool.before_ask" else 2
    assert len({question.by for question in answering.questions}) == heard_of


def test_only_what_its_run_permits_is_done_and_the_rest_is_dealt_with(
    pools: PoolBench, settings: Settings, tmp_path: Path
) -> None:
    seen: set[str] = set()

    def answer(asked: BeginRequested) -> bool | None:
        if asked.run_id == "lost" and "lost" not in seen:
            seen.add("lost")
            return None
        return asked.run_id != "cancelled"

    granted = [_records(tmp_path, f"run{n}") for n in range(20)]
    cancelled, lost = _records(tmp_path, "cancelled"), _records(tmp_path, "lost")
    legacy = _records(tmp_path, "legacy", by_permission=False)
    with lane(settings, answer) as answering:
        pools.publish([cancelled, *granted, lost, legacy])
        process = pools.start()
        done = [*granted, lost, legacy]
        results = pools.results_of(done)
        wait_until(lambda: pools.committed() == len(done) + 1)
        assert terminated(process) == 0
    assert {result.outcome for result in results} == {Outcome.SUCCEEDED}
    assert {result.run_id for result in results} == {work.run_id for work in done}
    assert all(result.queued_ms is not None for result in results)
    assert [_executions(tmp_path, work) for work in done] == [1] * len(done)
    assert _executions(tmp_path, cancelled) == 0
    asked = [question.run_id for question in answering.questions]
    assert (asked.count("lost"), asked.count("legacy")) == (2, 0)


def test_a_pool_whose_lanes_are_away_ends_at_once_and_leaves_the_calls_to_the_next(
    pools: PoolBench, settings: Settings, tmp_path: Path
) -> None:
    work = _records(tmp_path, "run")
    with lane(settings, lambda _: None) as silent:
        pools.publish([work])
        first = pools.start()
        wait_until(lambda: len(silent.questions) > 0)
        assert terminated(first) == 0
    assert pools.committed() == 0
    with lane(settings, lambda asked: asked.by not in {q.by for q in silent.questions}):
        pools.start()
        (result,) = pools.results_of([work])
    assert (result.outcome, _executions(tmp_path, work)) == (Outcome.SUCCEEDED, 1)
