"""A process that stands still ends within a bound and says why; its supervisor does the rest."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import psycopg
import pytest

from runfold.events import topics
from runfold.events.calls import ToolWork
from runfold.infra.process.stall import EXIT_STALLED
from runfold.infra.process.watchdog import EXIT_STUCK
from runfold.stack.settings import Settings
from tests.effects.given import tool_work
from tests.support.stack import wait_until
from tests.system.crash.agent import definitions, publish_definitions, request
from tests.system.crash.person import Person
from tests.system.crash.product import PATIENCE_S, Supervised

pytestmark = [pytest.mark.integration, pytest.mark.crash, pytest.mark.timeout(180)]

BOUND = {"RUNFOLD_STALL_AFTER_S": "2", "RUNFOLD_STUCK_AFTER_S": "30"}


def _process(settings: Settings, *arguments: str, **env: str) -> Supervised:
    log = settings.home / "process.log"
    return Supervised(arguments, {**settings.to_env(), **BOUND, **env}, log)


def _how_it_ends(settings: Settings, process: Supervised) -> tuple[int, str]:
    """Its exit code, and the last line that it wrote."""
    try:
        code = process.process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    log = (settings.home / "process.log").read_text()
    return code, next(line for line in reversed(log.splitlines()) if "the process ends" in line)


def _work() -> ToolWork:
    return tool_work("stuck.1", tool="crash.there", tool_version="1.0.0")


@pytest.mark.parametrize(
    ("what", "topic"),
    [
        ("inputs", topics.REQUESTS),
        ("work", topics.TOOL_CALLS),
        ("journal", topics.DEAD_LETTERS),
        ("definitions", topics.REGISTRY),
    ],
)
def test_a_consumer_that_stalls_ends_its_process(
    what: str, topic: str, settings: Settings, tmp_path: Path
) -> None:
    person = Person(settings, tmp_path / "ledger")
    process = _process(
        settings, "tests.system.crash.stuck", what, RUNFOLD_READY_FILE=str(tmp_path / "up")
    )
    if what == "definitions":
        wait_until((tmp_path / "up").exists, PATIENCE_S)
        publish_definitions(settings, definitions(tmp_path))
    asked = request()
    person.send(topics.REQUESTS, asked, asked.run_id)
    person.send(topics.TOOL_CALLS, _work(), "stuck")
    person.put(topics.DEAD_LETTERS, b"key", b"what nobody can read")
    person.flush()
    code, said = _how_it_ends(settings, process)
    person.close()
    assert code == EXIT_STALLED
    assert f"consumer stalled: {topic}/" in said


def test_a_transaction_that_hangs_ends_the_run_processor(
    settings: Settings, tmp_path: Path
) -> None:
    person = Person(settings, tmp_path / "ledger")
    process = _process(settings, "tests.system.crash.stuck", "commit", RUNFOLD_STUCK_AFTER_S="2")
    asked = request()
    person.send(topics.REQUESTS, asked, asked.run_id)
    person.flush()
    code, said = _how_it_ends(settings, process)
    person.close()
    assert code == EXIT_STUCK
    assert "is stuck in one step for more than 2 s" in said


def test_a_database_that_holds_the_projector_up_ends_it(settings: Settings, tmp_path: Path) -> None:
    person = Person(settings, tmp_path / "ledger")
    process = _process(settings, "runfold.projections", RUNFOLD_READY_FILE=str(tmp_path / "up"))
    wait_until((tmp_path / "up").exists, PATIENCE_S)
    process.kill()
    with psycopg.connect(settings.database_url) as holds:
        holds.execute("LOCK TABLE dead_letters IN ACCESS EXCLUSIVE MODE")
        process = _process(settings, "runfold.projections", RUNFOLD_STUCK_AFTER_S="3")
        person.put(topics.DEAD_LETTERS, b"key", b"what nobody can read")
        person.flush()
        code, said = _how_it_ends(settings, process)
    person.close()
    assert code == EXIT_STUCK
    assert re.search("stuck in (opening|writing to) the database for more than 3 s", said), said
