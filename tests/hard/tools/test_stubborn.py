"""What a call leaves, or does to those that would end it, holds up no pool and no other call."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runfold.events.calls import ToolResult
from runfold.processors.tool import contract_of
from runfold.processors.tool.children import worker as module_of_worker
from runfold.processors.tool.children.lives import Forked
from tests.hard.tools import stubborn
from tests.hard.tools.nest import MODULE, Nest, fault, lives, value

SECRET = "s3cret-of-the-crm"


@pytest.fixture(scope="module")
def nest() -> Iterator[Nest]:
    with _nest() as shared:
        yield shared


def _nest() -> Nest:
    contracts = [contract_of(each) for each in stubborn.TOOLS]
    modules = (MODULE, stubborn.__name__)
    return Nest(*contracts, modules=modules, secrets={"crm": SECRET})


def _pid(place: Path) -> int:
    return int(place.read_text())


def test_a_process_that_is_left_and_writes_without_end_is_not_heard(
    nest: Nest, tmp_path: Path
) -> None:
    place = tmp_path / "ended"
    nest.one("floods_after", place=str(place))
    while not place.exists() or not place.read_text():
        time.sleep(0.05)
    assert place.read_text() == "refused"


def test_a_call_that_writes_without_end_is_cut_off_and_others_go_on(nest: Nest) -> None:
    async def story() -> tuple[ToolResult, int]:
        flood = asyncio.create_task(nest.call("floods", 3000))
        beside = 0
        while not flood.done():
            value(await nest.call("works"))
            beside += 1
        return await flood, beside

    flood, beside = nest.run(story)
    assert fault(flood)[:2] == ("failed", "timeout")
    assert beside > 1


def test_a_call_that_stops_the_nursery_is_gone_when_that_is_said(tmp_path: Path) -> None:
    with _nest() as nest:
        nest.one("waits", seconds=0.0)
        overran = nest.one("stops_its_parent", 1500, folder=str(tmp_path))
        assert fault(overran)[:2] == ("failed", "timeout")
        assert not lives(_pid(tmp_path / "worker"))
        while lives(_pid(tmp_path / "child")):
            time.sleep(0.05)


def test_a_call_that_ends_the_nursery_does_not_outlive_it(nest: Nest, tmp_path: Path) -> None:
    died = nest.one("ends_its_parent", folder=str(tmp_path))
    assert fault(died)[:2] == ("failed", "process_died")
    assert not lives(_pid(tmp_path / "worker"))


def test_a_process_that_does_not_go_leaves_its_call_in_doubt(
    nest: Nest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module_of_worker, "_KILLED_S", 0.2)
    nest.one("waits", seconds=0.0)
    with monkeypatch.context() as during:
        during.setattr(Forked, "kill", lambda _self: None)
        overran = nest.one("waits", 300, seconds=2.0)
    assert fault(overran)[:2] == ("uncertain", "timeout")
    assert overran.error is not None
    assert not overran.error.retryable


@pytest.fixture(scope="module")
def before(nest: Nest) -> object:
    """What a process is like before any call has changed one; every look takes half a second."""
    return value(nest.one("looks_closely"))


@pytest.mark.parametrize("what", stubborn.CHANGES)
def test_no_later_call_meets_what_a_call_changed(what: str, nest: Nest, before: object) -> None:
    changed = value(nest.one("changes_for_good", what=what))
    after = [value(nest.one("looks_closely")) for _ in range(2)]
    assert after == [before, before]
    assert not lives(changed)


def test_a_secret_that_is_printed_late_is_in_no_log(
    nest: Nest, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "runfold.tools.output")
    nest.one("prints_later")
    nest.one("waits", seconds=0.8)
    assert SECRET not in caplog.text
