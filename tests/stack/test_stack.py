"""The whole stack in homes of its own: up, down, killed, up again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from runfold.events.topics import EVENTS, TOPICS
from runfold.stack import control, restarting
from runfold.stack.errors import StackError
from runfold.stack.home import Home
from runfold.stack.kafka.topics import ensure_topics
from runfold.stack.postgres.binaries import find
from runfold.stack.processes.usage import memory_bytes
from runfold.stack.settings import Settings
from runfold.stack.supervisor.plan import Process
from runfold.stack.supervisor.state import MemberState
from tests.support.stack import embedded_settings, pid_of, wait_until

pytestmark = pytest.mark.integration

# It starts a process that makes itself a session of its own, and tells its pid.
BREEDER = """
import os, subprocess, sys, time
from pathlib import Path
from runfold.infra.process.ready import announce
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                         start_new_session=True)
Path(os.environ["RUNFOLD_HOME"], "grandchild").write_text(str(child.pid))
announce()
time.sleep(600)
"""
SERVICE = (
    "import time; from runfold.infra.process.ready import announce; announce(); time.sleep(600)"
)


@pytest.fixture
def settings(own_home: Path) -> Iterator[Settings]:
    found = embedded_settings(own_home)
    try:
        yield found
    finally:
        control.down(found)


def put(settings: Settings) -> None:
    """Something durable in each server."""
    ensure_topics(settings.kafka_config(), TOPICS, settings.partitions)
    producer = Producer({**settings.producer_config()})
    producer.produce(EVENTS, b"kept", partition=0)
    assert producer.flush(10) == 0
    with psycopg.connect(settings.database_url) as database:
        database.execute("CREATE TABLE IF NOT EXISTS public.kept AS SELECT 'kept' AS word")


def found(settings: Settings) -> tuple[bytes | None, str]:
    """What ``put`` has put there."""
    consumer = Consumer(
        {**settings.kafka_config(), "group.id": "test", "isolation.level": "read_committed"}
    )
    try:
        consumer.assign([TopicPartition(EVENTS, 0, 0)])
        message = consumer.poll(10)
        assert message is not None
        value = message.value()
    finally:
        consumer.close()
    with psycopg.connect(settings.database_url) as database:
        row = database.execute("SELECT word FROM public.kept").fetchone()
    assert row is not None
    return value, row[0]


def everything_below(pid: int) -> list[psutil.Process]:
    above = psutil.Process(pid)
    return [above, *above.children(recursive=True)]


def test_data_and_addresses_survive_a_restart(settings: Settings) -> None:
    first = control.up(settings)
    put(first.settings)
    assert control.down(settings)
    assert control.status(settings) is None
    second = control.up(settings)

    assert not first.found
    assert not second.found
    assert second.settings == first.settings
    assert found(second.settings) == (b"kept", "kept")
    log = (settings.home / "logs" / "kafka.log").read_text()
    # A broker may greet its controller before that has made up its mind, and then asks again.
    assert [
        row for row in log.splitlines() if " ERROR " in row and "ControllerApis" not in row
    ] == []


def test_a_second_up_finds_the_first(settings: Settings) -> None:
    first = control.up(settings, [Process("service", ("-c", SERVICE), announces=True)])
    second = control.up(settings)

    assert second.found
    assert (second.pid, second.settings) == (first.pid, first.settings)
    assert control.attach(settings) == control.attach_log(settings) == first.settings
    with pytest.raises(StackError, match="another Kafka"):
        control.attach(replace(settings, bootstrap_servers="127.0.0.1:1"))
    known = control.status(settings)
    assert known is not None
    assert {member.name: member.state for member in known.members} == {
        "kafka": "running",
        "postgres": "running",
        "service": "running",
    }
    assert memory_bytes(pid_of(settings, "kafka")) > 50_000_000


# It makes a call, and ends when the call has.
CALLING = """
import json, os, pathlib, signal, sys, time
from runfold.infra.metrics.serving import serve_metrics
from runfold.infra.process.health import Health
from runfold.infra.process.ready import announce
calls = {"under_way": 1, "left_s": 27.0, "unsafe": 1, "drain_s": 600.0}
health = Health("calling")
health.reports["calls"] = lambda: calls
serve_metrics(int(os.environ["RUNFOLD_METRICS_PORT"]), health)
home = pathlib.Path(os.environ["RUNFOLD_HOME"])
def asked(*_):
    while not (home / "done").exists():
        time.sleep(0.02)
    (home / "ended").touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, asked)
announce()
while True:
    time.sleep(0.05)
"""


def test_a_part_is_restarted_with_the_settings_of_now_beside_the_others(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = settings.home / "said"
    tell = (
        "import os, pathlib; pathlib.Path(os.environ['RUNFOLD_HOME'], 'said').write_text("
        "os.environ.get('RUNFOLD_TOOL_MODULES', '') + os.environ.get('RUNFOLD_SECRET_X', '')); "
    )
    parts = [
        Process(name, ("-c", tell + SERVICE), announces=True, calls=True, readers=("tool pool",))
        for name in ("service", "other")
    ]
    parts.append(Process("calling", ("-c", CALLING), announces=True, calls=True))
    control.up(settings, parts)
    before = {name: pid_of(settings, name) for name in ("kafka", "postgres", "service", "other")}
    monkeypatch.setenv("RUNFOLD_TOOL_MODULES", "shop")
    monkeypatch.setenv("RUNFOLD_SECRET_X", "s3cret")
    known = control.status(settings)
    assert known is not None
    changed = restarting.changed(settings, known, parts)
    assert [(each.change.name, each.parts) for each in changed] == [
        ("RUNFOLD_SECRET_X", ("service", "other")),
        ("RUNFOLD_TOOL_MODULES", ("service", "other")),
    ]
    told: list[str] = []
    restarting.restart(settings, ["service"], parts, lambda part, _calls: told.append(part))
    after = {name: pid_of(settings, name) for name in before}
    assert [name for name in before if before[name] != after[name]] == ["service"]
    assert told[0] == "service"
    assert said.read_text() == "shops3cret"
    known = control.status(settings)
    assert known is not None
    assert {each.parts for each in restarting.changed(settings, known, parts)} == {("other",)}
    # The secret went through the pipe, and stayed nowhere.
    files = [file for file in (settings.home / "run").iterdir() if file.is_file()]
    assert [file for file in files if b"s3cret" in file.read_bytes()] == []
    # A part that makes calls may end them first.
    waits: list[control.UnderWay] = []

    def tell_calls(_part: str, calls: control.UnderWay | None) -> None:
        if calls is not None:
            waits.append(calls)
            (settings.home / "done").touch()

    restarting.restart(settings, ["calling"], parts, tell_calls)
    assert waits[0] == control.UnderWay(1, 27.0, 1, 600.0)
    assert (settings.home / "ended").exists()
    # Kafka only where it is named; it comes back with what it holds.
    put(control.attach(settings))
    restarting.restart(settings, ["kafka"], parts)
    assert pid_of(settings, "kafka") != before["kafka"]
    assert pid_of(settings, "service") == after["service"]
    assert found(control.attach(settings)) == (b"kept", "kept")
    with pytest.raises(StackError, match="nope: no such part runs here; there are kafka, postgres"):
        restarting.restart(settings, ["nope"], parts)


def test_down_waits_for_calls_and_says_so_until_somebody_insists(settings: Settings) -> None:
    control.up(settings, [Process("calling", ("-c", CALLING), announces=True, calls=True)])
    told: list[control.UnderWay] = []

    def tell(now: control.UnderWay) -> None:
        told.append(now)
        if len(told) == 2:
            control.hurry(settings)

    assert control.down(settings, tell)
    assert told[:2] == [control.UnderWay(1, 27.0, 1, 600.0)] * 2
    assert not (settings.home / "ended").exists()
    assert control.status(settings) is None


def test_a_killed_supervisor_leaves_no_orphan_and_the_next_start_finds_the_data(
    settings: Settings,
) -> None:
    first = control.up(settings, [Process("breeder", ("-c", BREEDER), announces=True)])
    put(first.settings)
    below = everything_below(first.pid)
    grandchild = psutil.Process(int((settings.home / "grandchild").read_text()))
    assert grandchild in below
    assert len(below) > 8
    os.kill(first.pid, signal.SIGKILL)

    assert psutil.wait_procs(below, timeout=10)[1] == []
    second = control.up(settings)
    assert not second.found
    assert found(second.settings) == (b"kept", "kept")


def test_everything_killed_at_once_is_up_again_with_its_data(settings: Settings) -> None:
    first = control.up(settings, [Process("breeder", ("-c", BREEDER), announces=True)])
    put(first.settings)
    guard = psutil.Process(first.pid).ppid()
    below = everything_below(guard)
    for process in below:
        # What dies with its parent may be gone before its turn comes.
        with suppress(psutil.NoSuchProcess):
            process.kill()

    assert psutil.wait_procs(below, timeout=10)[1] == []
    second = control.up(settings)

    assert found(second.settings) == (b"kept", "kept")


def test_a_killed_guard_takes_the_stack_down(settings: Settings) -> None:
    first = control.up(settings)
    guard = psutil.Process(first.pid).ppid()
    below = everything_below(guard)
    os.kill(guard, signal.SIGKILL)

    assert psutil.wait_procs(below, timeout=20)[1] == []


def test_supervisor_and_guard_killed_together_leave_no_orphan(settings: Settings) -> None:
    first = control.up(settings, [Process("service", ("-c", SERVICE), announces=True)])
    below = everything_below(first.pid)
    os.kill(psutil.Process(first.pid).ppid(), signal.SIGKILL)
    os.kill(first.pid, signal.SIGKILL)

    assert psutil.wait_procs(below, timeout=10)[1] == []


def test_postgres_runs_from_a_copy_where_its_user_cannot_reach_the_original(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(settings.home)
    home.prepare()
    monkeypatch.setattr("runfold.stack.postgres.binaries.os.geteuid", lambda: 0)
    monkeypatch.setattr("runfold.stack.postgres.binaries.open_to_all", lambda _: False)
    programs = find(home)

    assert programs.is_relative_to(settings.home)
    version = subprocess.run([programs / "postgres", "--version"], capture_output=True, check=True)
    assert b"(PostgreSQL) 18" in version.stdout


@pytest.mark.parametrize("name", ["kafka", "postgres"])
def test_a_killed_server_comes_back_at_its_address_with_its_data(
    settings: Settings, name: str
) -> None:
    running = control.up(settings)
    put(running.settings)
    before = pid_of(settings, name)
    os.kill(before, signal.SIGKILL)

    def is_back() -> bool:
        known = control.status(settings)
        assert known is not None
        member = next(member for member in known.members if member.name == name)
        return member.state == "running" and member.pid != before

    wait_until(is_back)
    assert found(running.settings) == (b"kept", "kept")
    known = control.status(settings)
    assert known is not None
    assert [m.restarts for m in known.members] == [int(m.name == name) for m in known.members]


def test_a_tied_stack_goes_down_with_its_caller(settings: Settings) -> None:
    caller = (
        "import time\nfrom runfold.stack import control\n"
        "from runfold.stack.settings import Settings\n"
        "print(control.up(Settings.from_env(), tied=True).pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", caller],
        stdout=subprocess.PIPE,
        env={**os.environ, **settings.to_env()},
    ) as process:
        assert process.stdout is not None
        below = everything_below(int(process.stdout.readline()))
        process.kill()

    assert psutil.wait_procs(below, timeout=20)[1] == []


def test_a_process_that_keeps_ending_is_given_up_and_says_why(settings: Settings) -> None:
    bad = Process("bad", ("-c", "raise SystemExit('Error: no such table')"), announces=True)
    with pytest.raises(StackError, match=r"bad does not start: ended 6 times .*no such table"):
        control.up(settings, [bad])

    assert control.status(settings) is None


# It ends until somebody has put things right.
MOODY = """
import os, time
from pathlib import Path
from runfold.infra.process.ready import announce
if Path(os.environ["RUNFOLD_HOME"], "wrong").exists():
    raise SystemExit("Error: the table is missing")
announce()
time.sleep(600)
"""


def test_what_was_given_up_says_why_and_is_started_again_by_the_next_up(
    settings: Settings,
) -> None:
    moody = Process("moody", ("-c", MOODY), announces=True)
    control.up(settings, [moody])
    wrong = settings.home / "wrong"
    wrong.touch()
    os.kill(pid_of(settings, "moody"), signal.SIGKILL)

    def told() -> MemberState:
        known = control.status(settings)
        assert known is not None
        return next(member for member in known.members if member.name == "moody")

    wait_until(lambda: told().state == "failed", 60)
    assert "ended 6 times in a row (exit code 1: Error: the table is missing)" in told().reason
    with pytest.raises(StackError, match=r"moody does not start: ended 6 .*the table is missing"):
        control.up(settings, [moody])
    wrong.unlink()
    said: list[str] = []
    assert control.up(settings, [moody], report=said.append).found
    assert told().state == "running"
    assert any("moody had ended 6 times" in line for line in said)


def test_every_part_is_named_as_it_starts_and_no_line_is_empty(settings: Settings) -> None:
    parts = [Process(name, ("-c", "import time; time.sleep(600)")) for name in ("a", "b", "c")]
    said: list[str] = []
    control.up(settings, parts, report=said.append)
    assert "" not in said
    assert len(set(said)) == len(said)
    named = [line for line in said if line in {f"starting {part.name}" for part in parts}]
    assert named == ["starting a", "starting b", "starting c"]


def test_preparation_that_fails_ends_the_start_at_once(settings: Settings) -> None:
    once = Process("prepare", ("-c", "raise SystemExit('Error: wrong partitions')"), once=True)
    with pytest.raises(StackError, match=r"prepare does not start.*wrong partitions"):
        control.up(settings, [once])


def test_preparation_is_done_before_the_next_process_starts(settings: Settings) -> None:
    write = "import os, time, pathlib; time.sleep(0.3); pathlib.Path(os.environ['RUNFOLD_HOME'],"
    look = "import os, pathlib; assert pathlib.Path(os.environ['RUNFOLD_HOME'], 'made').exists(); "
    running = control.up(
        settings,
        [
            Process("prepare", ("-c", write + "'made').touch()"), once=True),
            Process("service", ("-c", look + SERVICE), announces=True),
        ],
    )

    known = control.status(running.settings)
    assert known is not None
    assert {member.name: member.restarts for member in known.members}["service"] == 0


def test_a_port_that_somebody_has_taken_is_replaced(settings: Settings) -> None:
    control.up(settings)
    control.down(settings)
    ports = json.loads((settings.home / "run" / "ports.json").read_text())
    with (
        socket.create_server(("127.0.0.1", ports["kafka"])),
        socket.create_server(("127.0.0.1", ports["postgres"])),
    ):
        running = control.up(settings)
        put(running.settings)

        assert found(running.settings) == (b"kept", "kept")
        assert running.bootstrap_servers != f"127.0.0.1:{ports['kafka']}"


def test_only_the_owner_may_read_the_password(settings: Settings) -> None:
    running = control.up(settings)
    run = settings.home / "run"

    assert run.stat().st_mode & 0o777 == 0o700
    assert (run / "state.json").stat().st_mode & 0o777 == 0o600
    assert (run / "postgres.password").stat().st_mode & 0o777 == 0o600
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(running.database_url.replace("runfold:", "runfold:x"))


def test_down_says_that_nothing_runs(settings: Settings) -> None:
    assert not control.down(settings)
    with pytest.raises(StackError, match="Nothing runs here"):
        control.attach(settings)


def test_a_home_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")

    with pytest.raises(StackError, match=r"Cannot keep data in .*RUNFOLD_HOME"):
        control.up(embedded_settings(tmp_path / "home"))
