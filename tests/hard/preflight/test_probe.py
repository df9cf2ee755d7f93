"""``up`` says that the stack is up when a run has completed, and else which part it waits for."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from runfold.events import topics
from runfold.events.definitions import AgentDefinition
from runfold.events.definitions.store.snapshot import Listed
from runfold.events.probe import PROBE_AGENT, PROBE_TENANT
from runfold.stack import control
from runfold.stack.settings import Settings
from runfold.surfaces.application.governing.definitions import read_definitions
from runfold.surfaces.application.operations.probe_definitions import (
    MANIFEST,
    PLACEHOLDER,
    ProbeError,
)
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.operations.stack.probing import probed
from runfold.surfaces.processes import PROCESSES
from tests.definitions.governing import of, script, withdrawn
from tests.support.stack import pid_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


@pytest.fixture
def stack(settings: Settings, own_home: Path) -> Iterator[Context]:
    """Every process of Runfold on the session's servers, in a home of its own."""
    settings = replace(settings, home=own_home)
    try:
        running = control.up(settings, PROCESSES)
        context = Context()
        context.settings = context.attached = running.settings
        yield context
        context.engine.dispose()
        context.close()
    finally:
        control.down(settings)


@contextmanager
def frozen(context: Context, name: str) -> Iterator[None]:
    """A process that is there, and does nothing."""
    pid = pid_of(context.settings, name)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_a_run_goes_all_the_way_and_counts_for_nobody(
    stack: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["up"], stack) == exits.OK
    found = said(capsys)
    assert "Probe a run completed in" in found
    for part in ("the run processor", "the tool pool", "the completion", "the projector"):
        assert f"waiting for {part}" in found
    assert run(["doctor", "--probe", "--json"], stack) == exits.OK
    checks = {each["check"]: each for each in json.loads(capsys.readouterr().out)["findings"]}
    assert "a run went from its request to the views" in checks["probe"]["what"]
    # Both are on the journal, whole, and in no list or sum of what people have asked for.
    assert run(["runs", "--json"], stack) == exits.OK
    assert json.loads(capsys.readouterr().out) == []
    assert run(["costs"], stack) == exits.OK
    assert "Nothing was spent" in said(capsys)
    assert run(["runs", "--json", "--tenant", PROBE_TENANT], stack) == exits.OK
    assert len(json.loads(capsys.readouterr().out)) == 2
    assert run(["audit", "verify"], stack) == exits.OK


def test_what_strangers_write_in_its_names_keeps_nobody_from_it(
    stack: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["up"], stack) == exits.OK
    for command in (["apply", "-f", "examples/hello"], ["run", "free", "--agent", PROBE_AGENT]):
        assert run([*command, "--tenant", PROBE_TENANT], stack) == exits.BAD_INPUT
        assert "reserved for Runfold's own probe" in capsys.readouterr().err
    # Who writes to the log without asking: a withdrawal, and other content under the next version.
    known = read_definitions(stack.reader)
    (agent,) = (each for each in known if each.definition.name == PROBE_AGENT and is_agent(each))
    made = agent.definition
    gone = withdrawn(made.version, kind="agent", name=PROBE_AGENT, tenant=PROBE_TENANT)
    stack.writer.publish(topics.REGISTRY, gone, "a stranger's")
    following = f"{made.version.rpartition('.')[0]}.1"
    strange = of(script(following, PROBE_AGENT, "mine now"))
    stack.writer.publish(topics.REGISTRY, strange, "another stranger's")
    assert run(["doctor", "--probe"], stack) == exits.OK
    assert "a run went from its request to the views" in said(capsys)
    assert run(["runs", "--json"], stack) == exits.OK
    assert json.loads(capsys.readouterr().out) == []


def is_agent(each: Listed) -> bool:
    return isinstance(each.definition, AgentDefinition)


def test_every_version_of_the_file_is_replaced() -> None:
    versions = set(re.findall(r"^  version: \"(.+)\"$", MANIFEST.read_text(), re.MULTILINE))
    assert versions == {PLACEHOLDER}


@pytest.mark.parametrize(
    ("name", "part", "within_s"),
    [
        ("runs", "the run processor, which takes requests and decides", 5),
        ("tools", "the tool pool, which takes the topic tool.calls", 30),
        ("projector", "the projector, which writes the views", 30),
    ],
)
def test_the_part_that_does_nothing_is_named(
    stack: Context, name: str, part: str, within_s: float
) -> None:
    probed(stack, within_s=120)
    with frozen(stack, name), pytest.raises(ProbeError, match=f"waits for {part}"):
        probed(stack, within_s=within_s)


def test_up_without_a_probe_makes_no_run(
    stack: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["up", "--no-probe"], stack) == exits.OK
    assert "Probe" not in said(capsys)
    assert run(["runs", "--json", "--tenant", PROBE_TENANT], stack) == exits.OK
    assert json.loads(capsys.readouterr().out) == []
