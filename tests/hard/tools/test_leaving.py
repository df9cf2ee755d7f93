"""What a call changes in its process, another call does not meet."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from runfold.infra.artifacts.errors import ArtifactMissingError, ArtifactsUnavailableError
from runfold.infra.artifacts.port import named
from runfold.processors.tool.children.inside.artifacts import ParentArtifacts
from runfold.processors.tool.children.inside.channel import Channel
from tests.hard.tools.hostile import CHANGES
from tests.hard.tools.nest import Nest, members_of, value


@pytest.mark.parametrize("what", CHANGES)
def test_a_call_finds_the_process_as_it_was_before_another(
    what: str, nest: Nest, tmp_path: Path
) -> None:
    before = value(nest.one("looks", name="X"))
    changed = value(nest.one("changes", what=what, folder=str(tmp_path)))
    after = value(nest.one("looks", name="X"))
    assert len({before.pop("pid"), changed, after.pop("pid")}) == 3
    assert after == before


def test_what_a_call_left_keeps_nothing_after_it(nest: Nest) -> None:
    nest.one("keeps_later")
    nest.one("naps", seconds=0.5)
    with pytest.raises(ArtifactMissingError):
        nest.artifacts.get(named(b"later", "text/plain", "acme").ref, "acme")


def test_the_artifacts_of_a_call_end_with_it() -> None:
    parent, end = socket.socketpair()
    with parent, end:
        end.settimeout(1.0)
        parent.setblocking(False)
        channel = Channel(end)
        channel.number = 1
        artifacts = ParentArtifacts(channel)
        channel.number = 2
        with pytest.raises(ArtifactsUnavailableError):
            artifacts.put(b"later", "text/plain", "acme")
        with pytest.raises(BlockingIOError):
            parent.recv(1)


def test_a_copy_that_a_tool_makes_of_its_process_is_not_heard(nest: Nest) -> None:
    for _ in range(5):
        assert isinstance(value(nest.one("copies")), int)
        assert value(nest.one("works", text="mine")) == "mine"


def test_what_a_call_started_ends_with_its_process(nest: Nest, tmp_path: Path) -> None:
    pid = value(nest.one("changes", what="_process", folder=str(tmp_path)))
    while members_of(pid):
        nest.one("naps", seconds=0.05)
