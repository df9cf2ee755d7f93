"""Kill the lanes of either toy at every numbered step while they talk to each other."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runfold.infra.process.failpoints import VARIABLE
from tests.engine.exchange import faults
from tests.engine.toys import topics
from tests.engine.toys.inputs import job_id
from tests.engine.toys.job import request
from tests.engine.toys.ledger_records import Deposit
from tests.engine.toys.log import Log
from tests.support import stack, warm

pytestmark = [pytest.mark.integration, pytest.mark.crash]

STEPS = [
    ("job", "lane.after_begin:7"),
    ("job", "lane.after_produce:2"),
    ("job", "lane.after_commit:3"),
    ("job", "lane.after_handout:2"),
    ("job", "restore.after_journal:2"),
    ("ledger", "lane.after_fence:2"),
    ("ledger", "lane.before_begin:2"),
    ("ledger", "lane.after_begin:3"),
    ("ledger", "lane.after_produce:1"),
    ("ledger", "lane.after_produce:4"),
    ("ledger", "lane.after_commit:1"),
    ("ledger", "lane.after_commit:4"),
    ("ledger", "lane.after_adopt:2"),
    ("ledger", "lane.before_tidy:1"),
    ("ledger", "lane.after_tidy:2"),
]

Start = Callable[..., warm.Started]


@pytest.fixture(scope="module")
def bootstrap_servers(servers: stack.Servers) -> str:
    """Empty topics once for this module; each test has tenants of its own."""
    stack.fresh_topics(servers.settings, topics.TOYS)
    return servers.bootstrap_servers


@pytest.fixture
def start(bootstrap_servers: str) -> Iterator[Start]:
    """Starts hosts of a toy; none of them outlives the test."""
    started: list[warm.Started] = []

    def begin(toy: str, *arguments: str, failpoint: str = "") -> warm.Started:
        process = warm.start(
            "tests.engine.host",
            bootstrap_servers,
            "--toy",
            toy,
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


@pytest.mark.parametrize(("toy", "step"), STEPS)
def test_a_kill_of_either_side_leaves_every_message_taken_once(
    toy: str, step: str, start: Start, bootstrap_servers: str
) -> None:
    log = Log(bootstrap_servers)
    tenants = [f"tenant-{os.urandom(4).hex()}" for _ in range(4)]
    paid = dict.fromkeys(tenants, 12)
    other = start("ledger" if toy == "job" else "job")
    victim = start(toy, failpoint=step)
    log.send(*[Deposit(tenant_id=tenant, amount=3) for tenant in tenants for _ in range(4)])
    asked = [
        request(job_id(number), tenant_id=tenants[number % 4], price=2 + number % 3, steps=2)
        for number in range(24)
    ]
    log.send(*asked)
    assert victim.wait(30) == -signal.SIGKILL
    start(toy)
    log.send(*asked)
    log.wait_for_ends([job.job_id for job in asked], 60)
    assert faults(log.journal(), log.ledger(), asked, paid) == []
    assert log.records(topics.DEAD_LETTERS) == []
    assert other.poll() is None


def test_kills_of_both_while_ledgers_are_parked_and_close_their_periods(
    start: Start, bootstrap_servers: str
) -> None:
    log = Log(bootstrap_servers)
    tenants = [f"tenant-{os.urandom(4).hex()}" for _ in range(3)]
    asked = []
    start("job")
    for failpoint in ("lane.after_tidy:4", "lane.after_produce:3", "restore.after_journal:3", ""):
        victim = start("ledger", "--park-after", "0.2", failpoint=failpoint)
        log.send(*[Deposit(tenant_id=tenant, amount=4) for tenant in tenants])
        more = [
            request(job_id(number), tenant_id=tenants[number % 3], price=1) for number in range(9)
        ]
        asked += more
        log.send(*more)
        if failpoint:
            assert victim.wait(30) == -signal.SIGKILL
    log.wait_for_ends([job.job_id for job in asked], 60)
    assert faults(log.journal(), log.ledger(), asked, dict.fromkeys(tenants, 16)) == []
    assert log.records(topics.DEAD_LETTERS) == []
