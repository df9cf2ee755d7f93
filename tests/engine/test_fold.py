"""What follows from a batch: chains, causes, work, completions."""

from __future__ import annotations

import hashlib

import pytest

from runfold.events import topics
from runfold.events.base import Record
from runfold.events.calls import ToolWork
from runfold.events.commands import CancelRun, SendMessage
from runfold.events.content import text
from runfold.events.run import GENESIS, RunCompleted
from runfold.events.values import RunStatus
from runfold.processors.engine.core.batch import BatchDecider
from runfold.processors.engine.core.inputs import Received
from runfold.processors.engine.memory import LostCommit
from tests.engine.host import NoDefinitions
from tests.engine.lab import Lab
from tests.engine.oracle import CODEC
from tests.engine.toy import (
    NOW,
    TRACEPARENT,
    Toy,
    ToyAggregate,
    control,
    request,
    result,
    result_of,
)

WHOLE_RUN = [
    "RunQueued",
    "RunStarted",
    "PlanStepAdvanced",
    "PlanStepAdvanced",
    "PlanStepAdvanced",
    "PlanStepAdvanced",
    "RunCompleted",
]


def test_a_run_goes_from_its_request_to_its_end() -> None:
    lab = Lab()
    lab.take(request("run-1", steps=2))
    assert lab.types("run-1") == WHOLE_RUN
    assert lab.journal().faults(["run-1"]) == []
    assert lab.book.runs == {}


def test_meta_names_status_cause_and_the_event_before() -> None:
    lab = Lab()
    lab.take(request("run-1", steps=1))
    entries = lab.journal().runs["run-1"]
    metas = [event.meta for _, event in entries]
    assert [meta.seq for meta in metas] == [1, 2, 3, 4, 5]
    assert [meta.cause for meta in metas] == [
        *["runs.requests/0/0"] * 3,
        *["local/run-1.1/1"] * 2,
    ]
    assert metas[0].status is RunStatus.QUEUED
    assert metas[2].status is RunStatus.RUNNING_TOOL
    assert metas[-1].status is RunStatus.COMPLETED
    assert metas[0].prev_hash == GENESIS
    assert metas[3].prev_hash == hashlib.sha256(entries[2][0]).digest()
    assert {(meta.traceparent, meta.time) for meta in metas} == {(TRACEPARENT, NOW)}


def test_the_end_is_published_as_it_stands_in_the_journal() -> None:
    lab = Lab()
    lab.take(request("run-1", steps=1))
    (completion,) = lab.entries(topics.COMPLETIONS)
    assert completion.key == b"run-1"
    ended = lab.decoded(topics.COMPLETIONS)[0]
    assert isinstance(lab.events("run-1")[-1].fact, RunCompleted)
    assert ended == lab.events("run-1")[-1]


def test_work_for_a_pool_goes_to_its_topic_with_the_run_as_key() -> None:
    lab = Lab()
    lab.take(request("run-1", steps=2, placement="pool"))
    (entry,) = lab.entries(topics.TOOL_CALLS)
    (work,) = lab.decoded(topics.TOOL_CALLS)
    assert entry.key == b"run-1"
    assert isinstance(work, ToolWork)
    assert work.call_id == "run-1.2"
    lab.take(result("run-1", "run-1.2"), result("run-1", "run-1.1"))
    assert lab.types("run-1") == WHOLE_RUN
    assert lab.events("run-1")[3].meta.cause == "runs.results/0/0"


def test_the_traceparent_header_reaches_the_decider() -> None:
    seen = []

    class Listening(ToyAggregate):
        def decide(self, state, command, env):  # type: ignore[no-untyped-def]
            seen.append(command.traceparent)
            return super().decide(state, command, env)

    fold = BatchDecider(Listening(), CODEC, NoDefinitions(), 0)
    value = CODEC.encode(topics.REQUESTS, request("run-1"))
    item = Received(topics.REQUESTS, 0, b"run-1", value, (("traceparent", b"00-aa-bb-01"),), 0)
    fold.take([item], Lab().book, NOW)
    assert seen == ["00-aa-bb-01"]


@pytest.mark.parametrize("batched", [True, False])
def test_a_batch_decides_each_input_on_the_state_that_the_one_before_it_left(
    batched: bool,
) -> None:
    inputs = [
        request("run-1", steps=1, placement="pool"),
        control(SendMessage, "run-1", content=text("hello")),
        control(CancelRun, "run-1", reason="enough"),
        control(SendMessage, "run-1", content=text("too late")),
    ]
    lab = Lab()
    if batched:
        lab.take(*inputs)
    else:
        for record in inputs:
            lab.take(record)
    assert lab.types("run-1")[3:] == ["UserMessageReceived", "RunCancelled"]
    assert [letter.code for letter in lab.dead()] == ["run_not_live"]


def test_nothing_of_an_aborted_batch_remains() -> None:
    asked: list[Record] = []

    def ask(work: Record) -> Record:
        asked.append(work)
        return result_of(work)

    lab = Lab(ask)
    lab.send(request("run-1"))
    lab.fail_next_commit = True
    with pytest.raises(LostCommit):
        lab.settle()
    assert lab.entries(topics.EVENTS) == []
    assert lab.book.runs == {}
    assert lab.book.positions == {}
    assert asked == []


def test_after_an_aborted_batch_the_same_inputs_are_decided_again() -> None:
    lab = Lab()
    lab.send(request("run-1", steps=2))
    lab.fail_next_commit = True
    with pytest.raises(LostCommit):
        lab.settle()
    lab.settle()
    assert lab.types("run-1") == WHOLE_RUN


def test_take_leaves_the_book_as_it_is() -> None:
    lab = Lab()
    fold: BatchDecider[Toy] = BatchDecider(ToyAggregate(), CODEC, NoDefinitions(), 0)
    value = CODEC.encode(topics.REQUESTS, request("run-1"))
    outcome = fold.take([Received(topics.REQUESTS, 0, b"run-1", value, (), 0)], lab.book, NOW)
    assert len(outcome.events) == 3
    assert (lab.book.runs, lab.book.positions) == ({}, {})
