"""The doctor says what a bound that each process keeps for itself comes to in all of them."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runfold.events import topics
from runfold.events.values import Placement
from runfold.processors.definitions.record import announce
from runfold.surfaces.doctor import concurrency
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Level
from tests.deciders.given import tool
from tests.surfaces.answering import AnsweringLog


def said(members: int) -> list[str]:
    log = AnsweringLog()
    for contract in (
        tool("mail", max_concurrency=3),
        tool("here", max_concurrency=3, placement=Placement.LOCAL),
        tool("all", max_concurrency=3, max_concurrency_total=4),
        tool("free"),
    ):
        log.publish(topics.REGISTRY, announce(contract, "me", datetime.now(UTC)), "k")
    look: Any = SimpleNamespace(reader=log, log=SimpleNamespace(members_of=lambda _: members))
    findings = list(concurrency.check(cast("Deployment", look)))
    assert all(each.level is Level.NOTE and each.todo for each in findings)
    return [each.what for each in findings]


@pytest.mark.parametrize("members", [0, 1])
def test_one_process_keeps_the_bound(members: int) -> None:
    assert said(members) == []


def test_several_multiply_it() -> None:
    (what,) = said(2)
    assert what.startswith("tool mail@1.0 has max_concurrency 3, which each process keeps")
    assert "the 2 of runfold-tools may run 6 at a time" in what
