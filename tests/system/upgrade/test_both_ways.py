"""Runs go on, and end once, through an upgrade from the last landed release and the way back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runfold.events import topics
from runfold.events.records.operations import DeadLetter
from runfold.events.run import ToolCallStarted
from runfold.stack.settings import Settings
from tests.system import oracle
from tests.system.crash.agent import CODEC
from tests.system.crash.product import ROOT, Product, Supervised, code_of, product
from tests.system.crash.wire import OlderClient
from tests.system.upgrade.released import unpacked

pytestmark = [pytest.mark.integration, pytest.mark.crash, pytest.mark.timeout(900)]

AT_A_TIME = 6

COMPARED = """
import sys
from runfold.projections.views import VIEWS
from runfold.surfaces.cli.__main__ import run
ended = {view: run(["rebuild", view, "--compare"]) for view in VIEWS}
sys.exit(f"not equal: {ended}" if any(ended.values()) else 0)
"""
AUDITED = ("-m", "runfold", "audit", "verify")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The source of the last landed release."""
    folder = tmp_path / "released"
    folder.mkdir()
    return unpacked(folder)


def ran(root: Path, settings: Settings, *words: str) -> None:
    """Run a program of a release that ends by itself, and well."""
    done = subprocess.run(
        [sys.executable, *words],
        env={**os.environ, **code_of(root), **settings.to_env()},
        cwd=root,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, f"{words[-1]}\n{done.stdout}\n{done.stderr}"


def stopped(running: Product, name: str) -> Supervised:
    """Tell a process to end, with runs under way; it ends well."""
    running.ask_for(AT_A_TIME)
    process = running.processes.pop(name)
    assert process.kill(signal.SIGTERM) == 0, f"{name} did not end well; {running.state()}"
    return process


def started(running: Product, name: str, process: Supervised, root: Path) -> None:
    """Start a process again with the code of a release, and see runs go on."""
    process.root = root
    process.start()
    running.processes[name] = process
    begun = running.person.types["ToolCallStarted"]
    running.wait_for_events(ToolCallStarted, begun + AT_A_TIME)


def upgrade(running: Product, root: Path) -> None:
    """Go to a newer release, in the order of docs/operations.md: views stand still meanwhile."""
    ran(root, running.settings, "-m", "runfold.stack.prepare")
    projector = stopped(running, "projector")
    for name in ("tools", "runs"):
        started(running, name, stopped(running, name), root)
    running.ask_for(AT_A_TIME)
    started(running, "projector", projector, root)


def go_back(running: Product, root: Path) -> None:
    """Go back to an older release: no older process is asked what only a newer one knows."""
    ran(root, running.settings, "-m", "runfold.stack.prepare")
    for name in ("runs", "tools", "projector"):
        started(running, name, stopped(running, name), root)


def left_alone(running: Product) -> None:
    """What came for runs of the newer release meanwhile is sent again, as its code tells to."""
    for raw in oracle.read_topic(running.settings, topics.DEAD_LETTERS):
        letter = CODEC.decode(topics.DEAD_LETTERS, raw.value)
        assert isinstance(letter, DeadLetter)
        if letter.code in {"newer_release", "unknown_schema"}:
            place = oracle.Place(letter.topic, letter.partition, letter.offset)
            running.poison.add(place)
            assert letter.key is not None
            assert letter.value is not None
            running.person.repeat((letter.topic, letter.key, letter.value))


def test_runs_end_once_through_an_upgrade_and_the_way_back(
    settings: Settings, tmp_path: Path, old: Path
) -> None:
    ran(old, settings, "-m", "runfold.stack.prepare")
    environment = {**os.environ, **code_of(old), **settings.to_env()}
    with (
        product(settings, tmp_path, seconds=0.2, root=old) as running,
        OlderClient(environment, old) as client,
    ):
        # Clients come last: what only a newer release writes, an older one cannot read.
        running.person.encode = client.encode
        running.ask_for(2 * AT_A_TIME)
        running.wait_for_events(ToolCallStarted, AT_A_TIME)
        upgrade(running, ROOT)
        running.ask_for(AT_A_TIME)
        running.wait_for_events(ToolCallStarted, len(running.wanted))
        go_back(running, old)
        # What it began itself, the older release ends; what a newer one went on with waits for it.
        before = set(running.wanted)
        running.ask_for(AT_A_TIME)
        running.wait_until(
            lambda: running.wanted - before <= running.person.ended,
            "the older release ends its runs",
        )
        upgrade(running, ROOT)
        left_alone(running)
        # A result that an older run processor could not read is missed after the call's minute.
        running.wait_for_ends(4 * 60)
        # The older projector passed by what it could not read, and its successor says what to do.
        ran(ROOT, settings, "-m", "runfold", "rebuild")
        assert running.judge() == []
        assert running.person.types["RunCompleted"] == len(running.wanted)
        ended = {name: process.exits for name, process in running.processes.items()}
        assert not any(ended.values()), f"processes that ended by themselves: {ended}"
        ran(ROOT, settings, "-c", COMPARED)
        ran(ROOT, settings, *AUDITED)
