"""An event of a newer release on the journal stops no lane: its run waits, all others go on."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from runfold.events.records.operations import DeadLetter
from tests.engine.toys import topics
from tests.engine.toys.inputs import job_id
from tests.engine.toys.job import control, request
from tests.engine.toys.job_records import CancelJob
from tests.engine.toys.log import Log
from tests.support import stack

pytestmark = [pytest.mark.integration, pytest.mark.crash]

OF_ANOTHER_RELEASE = b"\0" + (2**30).to_bytes(4, "big") + b"nobody here knows the schema"


@pytest.fixture
def log(servers: stack.Servers) -> Log:
    """Topics of this test's own: what it writes, no other could read."""
    stack.fresh_topics(servers.settings, topics.TOYS)
    return Log(servers.bootstrap_servers)


@pytest.fixture
def started(servers: stack.Servers) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The processes of a test; none of them outlives it."""
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def test_a_run_of_a_newer_release_waits_and_others_go_on(
    log: Log, servers: stack.Servers, started: list[subprocess.Popen[bytes]]
) -> None:
    def start() -> subprocess.Popen[bytes]:
        line = [sys.executable, "-m", "tests.engine.host", servers.bootstrap_servers]
        started.append(subprocess.Popen(line, stderr=subprocess.DEVNULL))
        return started[-1]

    first, newer, before = start(), job_id(99), job_id(98)
    log.send(request(newer, placement="pool"), request(before, placement="pool"))
    log.wait_until(lambda: {newer, before} <= set(log.journal().by_key))
    # The newer release is at work, and is taken back.
    first.send_signal(signal.SIGTERM)
    assert first.wait(30) == 0
    (place,) = {m.partition() for m in log.messages(topics.EVENTS) if m.key() == newer.encode()}
    log.send_bytes(topics.EVENTS, newer, OF_ANOTHER_RELEASE, place or 0)
    second = start()
    runs = [job_id(number) for number in range(12)]
    log.send(*[request(run, steps=2) for run in runs], request(newer, placement="pool"))
    log.send(control(CancelJob, newer, reason="x"), control(CancelJob, before, reason="x"))
    log.wait_for_ends([*runs, before], 60)
    log.wait_until(lambda: bool(log.messages(topics.DEAD_LETTERS)))
    letters = [each for each in log.records(topics.DEAD_LETTERS) if isinstance(each, DeadLetter)]
    assert {(each.code, each.topic, each.key) for each in letters} == {
        ("newer_release", topics.CONTROLS, newer.encode())
    }
    assert newer not in log.ended()
    assert second.poll() is None
