"""The tool pool on a real broker: every call is answered, whatever dies."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from runfold.events import topics
from runfold.events.calls import Outcome, ToolResult, ToolWork
from runfold.events.contents.content import json_content
from runfold.events.records.operations import DeadLetter
from runfold.stack.settings import Settings
from tests.effects.given import tool_work
from tests.effects.pools import CODEC, PoolBench, bench, terminated
from tests.support.stack import Servers

pytestmark = pytest.mark.integration

STEPS = [
    "pool.after_consume:2",
    "tool.before_claim:2",
    "tool.after_claim:2",
    "tool.before_run:2",
    "tool.after_run:2",
    "tool.before_finish:2",
    "tool.after_finish:2",
    "pool.after_handle:2",
    "pool.before_produce:2",
    "pool.after_produce:2",
    "pool.before_commit",
    "pool.after_commit",
]


@pytest.fixture
def pools(settings: Settings) -> Iterator[PoolBench]:
    with bench(settings) as found:
        yield found


def _records(folder: Path, tool: str, count: int) -> list[ToolWork]:
    return [
        tool_work(
            f"{tool}-{n}.1",
            tool=tool,
            tool_version="1.0.0",
            arguments=json_content({"folder": str(folder)}),
            timeout_ms=5000,
        )
        for n in range(count)
    ]


def _naps(seconds: float, call_id: str = "nap.1") -> ToolWork:
    arguments = json_content({"seconds": seconds})
    return tool_work(call_id, tool="naps", tool_version="1.0.0", arguments=arguments)


def _executions(folder: Path, work: ToolWork) -> int:
    place = folder / work.call_id
    return len(list(place.iterdir())) if place.exists() else 0


def _first(results: list[ToolResult], work: ToolWork) -> ToolResult:
    """The result that a run would take: the first for its call and attempt."""
    key = (work.call_id, work.attempt)
    return next(result for result in results if (result.call_id, result.attempt) == key)


@pytest.mark.crash
@pytest.mark.parametrize("step", STEPS)
def test_a_pool_that_dies_at_any_step_answers_every_call_and_repeats_no_effect(
    pools: PoolBench, tmp_path: Path, step: str
) -> None:
    once, again = _records(tmp_path, "records", 4), _records(tmp_path, "records_again", 4)
    pools.publish([work for pair in zip(once, again, strict=True) for work in pair])
    assert pools.start(step).wait(30) == -signal.SIGKILL
    pools.start()
    results = pools.results_of([*once, *again])
    for work in once:
        result, done = _first(results, work), _executions(tmp_path, work)
        assert done <= 1
        assert result.outcome is Outcome.UNCERTAIN or (result.outcome, done) == (
            Outcome.SUCCEEDED,
            1,
        )
    for work in again:
        assert _first(results, work).outcome is Outcome.SUCCEEDED
        assert _executions(tmp_path, work) >= 1
    for result in results:
        same = _first(results, tool_work(result.call_id, result.attempt))
        assert (result.outcome, result.result) == (same.outcome, same.result)


def test_a_repeated_record_is_answered_and_not_repeated(pools: PoolBench, tmp_path: Path) -> None:
    work = _records(tmp_path, "records", 1)
    pools.publish([*work, *work, *work])
    pools.start()
    nap = _naps(0, "later.1")
    pools.publish([nap])
    results = pools.results_of([*work, nap])
    assert _executions(tmp_path, work[0]) == 1
    assert _first(results, work[0]).outcome is Outcome.SUCCEEDED


def test_a_record_that_is_none_becomes_a_dead_letter_and_stops_nothing(pools: PoolBench) -> None:
    for rubbish in (b"", b"rubbish", b"\0\0\0\xff\xff"):
        pools.publish_bytes("nap", rubbish)
    pools.publish([_naps(0)])
    pools.start()
    assert _first(pools.results_of([_naps(0)]), _naps(0)).outcome is Outcome.SUCCEEDED
    letters = [letter for letter in pools.dead_letters(3) if isinstance(letter, DeadLetter)]
    assert [letter.value for letter in letters] == [b"", b"rubbish", b"\0\0\0\xff\xff"]
    assert {letter.topic for letter in letters} == {"tool.calls"}
    assert all(letter.reason for letter in letters)


def test_work_that_was_never_committed_is_never_done(pools: PoolBench, tmp_path: Path) -> None:
    (aborted,) = _records(tmp_path, "records", 1)
    pools.publish_aborted(aborted)
    after = _naps(0, f"{aborted.run_id}.2")
    pools.publish([after])
    pools.start()
    results = pools.results_of([after])
    assert [result.call_id for result in results] == [after.call_id]
    assert _executions(tmp_path, aborted) == 0


def test_a_pool_told_to_stop_finishes_what_is_in_flight(pools: PoolBench) -> None:
    quick, slow = _naps(0, "quick.1"), _naps(0.8, "slow.1")
    pools.publish([slow, quick])
    process = pools.start()
    pools.results_of([quick])
    assert terminated(process) == 0
    assert _first(pools.results_of([slow]), slow).outcome is Outcome.SUCCEEDED
    assert pools.committed() == 2


def test_a_pool_told_to_stop_under_load_leaves_nothing_to_do_again(
    pools: PoolBench, tmp_path: Path
) -> None:
    works = _records(tmp_path, "records", 150)
    pools.publish(works)
    first = pools.start(BACKLOG="20")
    pools.results(lambda seen: len(seen) >= 20)
    assert terminated(first) == 0
    assert pools.committed() < len(works)
    pools.start()
    pools.results_of(works)
    last = _naps(0, "last.1")
    pools.publish([last])
    results = pools.results_of([*works, last])
    assert Counter(_executions(tmp_path, work) for work in works) == {1: len(works)}
    # Each call is answered once: nothing was done, or said, again.
    assert Counter((result.call_id, result.attempt) for result in results) == Counter(
        (work.call_id, work.attempt) for work in [*works, last]
    )


def test_a_pool_survives_the_broker(pools: PoolBench, servers: Servers) -> None:
    if not servers.embedded:
        pytest.skip("only the embedded broker can be killed")
    before, during, after = _naps(0, "a.1"), _naps(0.9, "b.1"), _naps(0, "c.1")
    pools.publish([before, during])
    pools.keep()
    pools.results_of([before])
    servers.kill("kafka")
    pools.publish([after])
    results = pools.results_of([during, after])
    assert all(result.outcome is Outcome.SUCCEEDED for result in results)
    assert terminated(pools.last) == 0


def test_a_pool_outlives_a_broker_that_is_away_for_longer_than_its_session(
    pools: PoolBench, servers: Servers
) -> None:
    if not servers.embedded:
        pytest.skip("only the embedded broker can be killed")
    works = [_naps(0.4, f"{n}.1") for n in range(400)]
    pools.keep()
    pools.publish([_naps(0, "up.1")])
    pools.results_of([_naps(0, "up.1")])
    pools.publish(works)
    servers.kill("kafka", away_s=8)
    later = _naps(0, "later.1")
    pools.publish([later])
    results = pools.results_of([*works, later])
    assert all(result.outcome is Outcome.SUCCEEDED for result in results)
    assert terminated(pools.last) == 0


def test_a_pool_whose_place_in_the_group_is_taken_ends(pools: PoolBench) -> None:
    # The consumer is dead then, and says so once; a pool that lived on would never work again.
    first, nap = pools.start(), _naps(0)
    pools.publish([nap])
    pools.results_of([nap])
    pools.start()
    assert first.wait(30) == 1


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_pools_share_the_work(pools: PoolBench, protocol: str) -> None:
    processes = [
        pools.start(RUNFOLD_GROUP_PROTOCOL=protocol, RUNFOLD_INSTANCE="") for _ in range(2)
    ]
    pools.wait_for_members(2)
    works = [_naps(0, f"{n}.1") for n in range(40)]
    pools.publish(works)
    results = pools.results_of(works)
    assert {result.outcome for result in results} == {Outcome.SUCCEEDED}
    assert [terminated(process) for process in processes] == [0, 0]
    assert pools.committed() == 40


def test_a_full_pool_that_somebody_joins_and_leaves_reads_on_when_it_is_empty(
    pools: PoolBench,
) -> None:
    # What was paused stays paused in a rebalance that leaves it where it is. A third of the calls
    # end soon: the pool is no longer full then, and not yet empty enough to read on.
    first = pools.start(RUNFOLD_INSTANCE="", BACKLOG="24")
    pools.wait_for_members(1)
    long = [
        _naps(8 if n % 3 else 0.1, f"{n}.1").model_copy(update={"timeout_ms": 30_000})
        for n in range(24)
    ]
    for number, work in enumerate(long):
        pools.publish_bytes(f"{number}", CODEC.encode(topics.TOOL_CALLS, work))
    second = pools.start(RUNFOLD_INSTANCE="", BACKLOG="24")
    pools.wait_for_members(2)
    assert terminated(second) == 0
    pools.results_of(long)
    for number in range(8):
        # One at a time, so that the pool is not full again.
        later = _naps(0, f"{number}.2")
        pools.publish_bytes(f"{number}", CODEC.encode(topics.TOOL_CALLS, later))
        assert _first(pools.results_of([later]), later).outcome is Outcome.SUCCEEDED
    assert terminated(first) == 0
