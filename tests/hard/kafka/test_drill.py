"""The drill: a deployment is backed up and dies; the back-up is restored elsewhere and goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runfold.events import topics
from runfold.events.run import ToolCallStarted
from runfold.infra.artifacts.files import FileArtifacts
from runfold.producers.log.kafka import TopicReader
from runfold.stack import control
from runfold.stack.settings import Settings
from runfold.surfaces.audit.journal import verify
from runfold.surfaces.backup import manifest, records
from runfold.surfaces.backup.backup import backup
from runfold.surfaces.backup.plan import Plan
from runfold.surfaces.backup.telling import Told
from tests.support.stack import Servers, embedded_settings
from tests.system import oracle
from tests.system.crash.agent import CODEC
from tests.system.crash.product import ROOT, Product, product

pytestmark = [pytest.mark.integration, pytest.mark.crash, pytest.mark.timeout(600)]


def runfold(command: str, folder: Path, env: dict[str, str]) -> str:
    """What the command line prints."""
    done = subprocess.run(
        [sys.executable, "-m", "runfold", command, str(folder)],
        env={**os.environ, **env},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def kill(running: Product) -> None:
    """As a machine dies: nothing is finished, nothing is given back."""
    for each in running.processes.values():
        each.process.send_signal(signal.SIGKILL)
    for each in running.processes.values():
        each.process.wait()


def while_it_runs(running: Product, folder: Path) -> None:
    """Back up under load; everything dies when the ends are fixed, and before claims are read."""
    settings = running.settings
    dies: list[Callable[[], None]] = [lambda: kill(running)]
    kafka = settings.kafka_config()
    backup(
        kafka,
        TopicReader(kafka, CODEC),
        CODEC,
        settings.database_url,
        settings.home / "artifacts",
        folder,
        Told(lambda _line: dies.pop()() if dies else None),
    )
    assert not dies


def when_it_is_dead(running: Product, folder: Path) -> None:
    """Kill everything, acknowledge more requests, and back up with the command line."""
    kill(running)
    running.ask_for(4)
    assert "The back-up of" in runfold("backup", folder, running.settings.to_env())


@contextmanager
def restored(home: Path, folder: Path) -> Iterator[Settings]:
    """A second home with a Kafka and a Postgres of its own, and what was backed up in it."""
    settings = embedded_settings(home)
    said = runfold("restore", folder, {**settings.to_env(), "RUNFOLD_HOME": str(home)})
    assert "every record was read back" in said
    running = control.up(settings, tied=True)
    try:
        yield running.settings
    finally:
        control.down(settings)


@contextmanager
def going_on(settings: Settings, before: Product) -> Iterator[Product]:
    """The processes of the restored deployment, with the same person and the same outside."""
    after = Product(settings, before.folder, {})
    after.wanted = before.wanted
    try:
        yield after
    finally:
        after.close()


@pytest.mark.parametrize("make", [while_it_runs, when_it_is_dead])
def test_everything_ends_exactly_once(
    make: Callable[[Product, Path], None],
    servers: Servers,
    settings: Settings,
    tmp_path: Path,
    own_home: Path,
) -> None:
    if not servers.embedded:
        pytest.skip("the second deployment is an embedded one")
    folder = tmp_path / "back-up"
    kept = FileArtifacts(settings.home / "artifacts").put(b"kept", "text/plain", "somebody")
    with product(settings, tmp_path) as before:
        before.ask_for(8)
        before.wait_for_events(ToolCallStarted, 18)
        before.ask_for(4)
        make(before, folder)
        said = manifest.read(folder)
        plan = Plan(folder, said, CODEC)
        plan.fold()
        assert said.live_runs > 0
        with restored(own_home, folder) as there, going_on(there, before) as after:
            after.wait_for_ends()
            assert after.judged(settings) == []
            # What had ended was not repeated, and every event that was backed up is there.
            journal = {raw.place: raw.value for raw in oracle.read_topic(there, topics.EVENTS)}
            for part in said.of(topics.EVENTS):
                for each in records.read(folder / part.file.path):
                    place = oracle.Place(topics.EVENTS, part.partition, each.offset)
                    assert journal[place] == each.value
            reader = TopicReader(there.kafka_config(), CODEC)
            verdicts = list(verify(reader))
            assert [fault for each in verdicts for fault in each.faults] == []
            assert {each.run_id for each in verdicts} == before.wanted
            assert FileArtifacts(own_home / "artifacts").get(kept.ref, "somebody") == b"kept"
        if make is when_it_is_dead:
            # The second home is down by now: its servers are started for the time being.
            runfold("backup", tmp_path / "again", embedded_settings(own_home).to_env())
            again = manifest.read(tmp_path / "again")
            assert (again.live_runs, again.ended_runs) == (0, len(before.wanted))
