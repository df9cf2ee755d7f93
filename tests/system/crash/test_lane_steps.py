"""Kill the run processor at every numbered step of a lane, start it again, and read the log."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runfold.infra.process.failpoints import VARIABLE
from runfold.processors.engine.kafka.lane_context import LaneState
from tests.engine.host import config, engine
from tests.engine.toys import topics
from tests.engine.toys.inputs import job_id
from tests.engine.toys.job import control, request
from tests.engine.toys.job_records import CancelJob, StepAdvanced, TellJob
from tests.engine.toys.log import Log
from tests.support import stack, warm

pytestmark = [pytest.mark.integration, pytest.mark.crash]

STEPS = [
    "lane.before_fence:2",
    "lane.after_fence:2",
    "restore.before_journal:2",
    "restore.after_journal:2",
    "lane.before_begin:1",
    "lane.after_begin:7",
    "lane.after_produce:1",
    "lane.after_produce:9",
    "lane.after_commit:1",
    "lane.after_commit:8",
    "lane.after_adopt:2",
    "lane.after_handout:6",
    "lane.before_tidy:1",
    "lane.after_tidy:2",
]

Start = Callable[..., warm.Started]


@pytest.fixture(scope="module")
def bootstrap_servers(servers: stack.Servers) -> str:
    """Empty topics once for this module; each test has runs of its own."""
    stack.fresh_topics(servers.settings, topics.TOYS)
    return servers.bootstrap_servers


@pytest.fixture
def start(bootstrap_servers: str) -> Iterator[Start]:
    """Starts hosts of the toy; none of them outlives the test."""
    started: list[warm.Started] = []

    def begin(*arguments: str, failpoint: str = "") -> warm.Started:
        process = warm.start(
            "tests.engine.host",
            bootstrap_servers,
            *arguments,
            env={**os.environ, VARIABLE: failpoint},
            stderr=silence,
        )
        started.append(process)
        return process

    with Path(os.devnull).open("wb") as silence:
        yield begin
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_leaves_every_run_with_one_end(
    step: str, start: Start, bootstrap_servers: str, tmp_path: Path
) -> None:
    log = Log(bootstrap_servers)
    ledger = tmp_path / "ledger"
    victim = start("--calls", str(ledger), failpoint=step)
    runs = [job_id(number) for number in range(12)]
    requests = [request(run, steps=3) for run in runs[:10]]
    sleeping = [request(run, timer_ms=500) for run in runs[10:]]
    log.send(*requests, *sleeping)
    assert victim.wait(20) == -signal.SIGKILL
    done = set(ledger.read_text().split()) if ledger.exists() else set()
    assert done <= decided(log), "a call was made before its decision was committed"
    start()
    log.send(*requests)
    log.wait_for_ends(runs)
    journal = log.journal()
    assert journal.faults(runs) == []
    keys = [(message.key() or b"").decode() for message in log.messages(topics.COMPLETIONS)]
    assert sorted(key for key in keys if key in runs) == sorted(runs)
    assert log.records(topics.DEAD_LETTERS) == []


def decided(log: Log) -> set[str]:
    """The calls whose decision is in the journal."""
    return {
        event.fact.step_id
        for events in log.journal().by_key.values()
        for _, event in events
        if isinstance(event.fact, StepAdvanced)
    }


def parked(log: Log) -> set[str | bytes | None]:
    """The keys of the copies ever written."""
    return {message.key() for message in log.messages(topics.PARKED)}


def test_kills_while_runs_are_parked_and_wake(start: Start, bootstrap_servers: str) -> None:
    log = Log(bootstrap_servers)
    runs = [job_id(number) for number in range(6)]
    start("--park-after", "0.2")
    log.send(*[request(run, placement="pool") for run in runs])
    log.wait_until(lambda: {f"{run}/1".encode() for run in runs} <= parked(log))
    for failpoint in ("lane.after_tidy:3", "lane.after_produce:2", ""):
        victim = start("--park-after", "0.2", failpoint=failpoint)
        log.send(*[control(TellJob, run, text=failpoint) for run in runs])
        if failpoint:
            assert victim.wait(20) == -signal.SIGKILL
    log.send(*[control(CancelJob, run, reason="") for run in runs])
    log.wait_for_ends(runs)
    journal = log.journal()
    assert journal.faults(runs) == []
    assert {journal.types(run).count("JobTold") for run in runs} == {3}
    last = {message.key(): message.value() for message in log.messages(topics.PARKED)}
    assert {last[f"{run}/1".encode()] for run in runs} == {None}
    assert [key for key, value in last.items() if value is not None] == []


def test_a_stopped_process_has_nothing_to_do_again(start: Start, bootstrap_servers: str) -> None:
    log = Log(bootstrap_servers)
    runs = [job_id(number) for number in range(50)]
    host = start()
    log.send(*[request(run, steps=5) for run in runs])
    log.wait_until(lambda: not set(runs).isdisjoint(log.journal().by_key))
    host.send_signal(signal.SIGTERM)
    assert host.wait(20) == 0
    start()
    log.wait_for_ends(runs)
    assert log.journal().faults(runs) == []


def test_a_frozen_owner_is_fenced_when_it_wakes(start: Start, bootstrap_servers: str) -> None:
    log = Log(bootstrap_servers)
    first = [job_id(number) for number in range(5)]
    zombie = start()
    log.send(*[request(run, steps=3) for run in first])
    log.wait_for_ends(first)
    zombie.send_signal(signal.SIGSTOP)
    start()
    second = [job_id(number) for number in range(5, 15)]
    log.send(*[request(run, steps=3) for run in second])
    log.wait_for_ends(second)
    zombie.send_signal(signal.SIGCONT)
    third = [job_id(number) for number in range(15, 25)]
    log.send(*[request(run, steps=3) for run in third])
    log.wait_for_ends(third)
    assert log.journal().faults([*first, *second, *third]) == []


def test_lanes_go_on_after_the_broker_was_killed(
    start: Start, servers: stack.Servers, bootstrap_servers: str
) -> None:
    if not servers.embedded:
        pytest.skip("only an embedded broker can be killed")
    log = Log(bootstrap_servers)
    host = start()
    runs = [job_id(number) for number in range(150)]
    log.send(*[request(run, steps=20) for run in runs[:100]])
    log.wait_until(lambda: not set(runs).isdisjoint(log.journal().by_key))
    servers.kill("kafka")
    log.send(*[request(run, steps=3) for run in runs[100:]])
    log.wait_for_ends(runs, 60)
    assert log.journal().faults(runs) == []
    assert host.poll() is None


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_members_of_a_group_share_the_partitions_and_take_over(
    protocol: str, start: Start, bootstrap_servers: str
) -> None:
    log = Log(bootstrap_servers)
    first = start("--group", protocol)
    start("--group", protocol)
    runs = [job_id(number) for number in range(20)]
    log.send(*[request(run, steps=3) for run in runs])
    log.wait_for_ends(runs)
    first.kill()
    more = [job_id(number) for number in range(20, 40)]
    log.send(*[request(run, steps=3) for run in more])
    log.wait_for_ends(more)
    start("--group", protocol)
    last = [job_id(number) for number in range(40, 60)]
    for run in last:
        log.send(request(run, steps=3))
    log.wait_for_ends(last)
    assert log.journal().faults([*runs, *more, *last]) == []


def test_a_lane_stops_when_it_is_fenced_and_is_not_opened_at_once(
    bootstrap_servers: str, start: Start
) -> None:
    log = Log(bootstrap_servers)
    mine = engine(config(bootstrap_servers, 4, session_timeout=60.0))
    thread = threading.Thread(target=mine.run)
    thread.start()
    try:
        log.wait_until(lambda: set(mine.lanes().values()) == {LaneState.RUNNING})
        start()
        # A lane learns that it is fenced when it next writes.
        runs: list[str] = []

        def is_fenced() -> bool:
            runs.append(job_id(len(runs)))
            log.send(request(runs[-1]))
            return len(mine.lanes()) < 4

        log.wait_until(is_fenced)
        log.wait_for_ends(runs)
        assert log.journal().faults(runs) == []
    finally:
        mine.stop()
        thread.join()
