"""Without a policy a run's history is that of the behaviour before, but for the number."""

from __future__ import annotations

import pytest

from runfold.events.avro.samples import sample
from runfold.events.base import Fact
from runfold.events.run import (
    ApprovalRequested,
    CheckpointWritten,
    HumanInputRequested,
    Meta,
    RunCreated,
    RunRefused,
)
from runfold.processors.run.behaviour import BY_TENANT
from tests.replay.walks import WALKS, facts_of
from tests.tenant.given import CODEC

_META = sample(Meta)


def _without_the_number(fact: Fact) -> Fact:
    match fact:
        case RunCreated() | RunRefused():
            return fact.model_copy(update={"behaviour": 1})
        case CheckpointWritten():
            # It covers the number.
            return fact.model_copy(update={"state_hash": b""})
        case ApprovalRequested() | HumanInputRequested():
            # What is shown is named from the same behaviour on, with or without a tenant.
            return fact.model_copy(update={"shown_digest": None, "cost_so_far": None})
        case _:
            return fact


@pytest.mark.parametrize("walk", range(0, WALKS, 5))
def test_the_bytes_are_the_same_but_for_the_number(walk: int) -> None:
    before, now = (
        [CODEC.encode_event(_META, _without_the_number(fact)) for fact in facts_of(walk, behaviour)]
        for behaviour in (BY_TENANT - 1, BY_TENANT)
    )
    assert now == before
