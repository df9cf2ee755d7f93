"""What follows from a batch: chains, causes, work, completions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest

from runfold.events.base import Fact, Record
from runfold.processors.engine.aggregate import Command, Env
from runfold.processors.engine.core.batch import BatchDecider
from runfold.processors.engine.core.event_builder import GENESIS
from runfold.processors.engine.core.inputs import Received
from runfold.processors.engine.memory import LostCommit
from tests.engine.host import NoDefinitions
from tests.engine.lab import Lab
from tests.engine.toys import topics
from tests.engine.toys.inputs import CODEC
from tests.engine.toys.job import (
    JOBS,
    NOW,
    TRACEPARENT,
    Job,
    behaving,
    control,
    decide,
    request,
    result,
    result_of,
)
from tests.engine.toys.job_records import CancelJob, JobCompleted, JobStatus, JobWork, TellJob

WHOLE_RUN = [
    "JobQueued",
    "JobStarted",
    "StepAdvanced",
    "StepAdvanced",
    "StepAdvanced",
    "StepAdvanced",
    "JobCompleted",
]


def test_a_run_goes_from_its_request_to_its_end() -> None:
    lab = Lab()
    lab.take(request("job-1", steps=2))
    assert lab.types("job-1") == WHOLE_RUN
    assert lab.journal().faults(["job-1"]) == []
    assert lab.partition_state.live == {}


def test_meta_names_status_cause_and_the_event_before() -> None:
    lab = Lab()
    lab.take(request("job-1", steps=1))
    entries = lab.journal().by_key["job-1"]
    metas = [event.meta for _, event in entries]
    assert [meta.seq for meta in metas] == [1, 2, 3, 4, 5]
    assert [meta.cause for meta in metas] == [
        *["jobs.requests/0/0"] * 3,
        *["local/job-1.1/1"] * 2,
    ]
    assert metas[0].status is JobStatus.QUEUED
    assert metas[2].status is JobStatus.WORKING
    assert metas[-1].status is JobStatus.ENDED
    assert metas[0].prev_hash == GENESIS
    assert metas[3].prev_hash == hashlib.sha256(entries[2][0]).digest()
    assert {(meta.traceparent, meta.time) for meta in metas} == {(TRACEPARENT, NOW)}


def test_the_end_is_published_as_it_stands_in_the_journal() -> None:
    lab = Lab()
    lab.take(request("job-1", steps=1))
    (completion,) = lab.entries(topics.COMPLETIONS)
    assert completion.key == b"job-1"
    ended = lab.decoded(topics.COMPLETIONS)[0]
    assert isinstance(lab.events("job-1")[-1].fact, JobCompleted)
    assert ended == lab.events("job-1")[-1]


def test_work_for_a_pool_goes_to_its_topic_with_the_run_as_key() -> None:
    lab = Lab()
    lab.take(request("job-1", steps=2, placement="pool"))
    (entry,) = lab.entries(topics.CALLS)
    (work,) = lab.decoded(topics.CALLS)
    assert entry.key == b"job-1"
    assert isinstance(work, JobWork)
    assert work.call_id == "job-1.2"
    lab.take(result("job-1", "job-1.2"), result("job-1", "job-1.1"))
    assert lab.types("job-1") == WHOLE_RUN
    assert lab.events("job-1")[3].meta.cause == "jobs.results/0/0"


def test_the_traceparent_header_reaches_the_decider() -> None:
    seen = []

    def listening(state: Job | None, command: Command, env: Env) -> Sequence[tuple[Fact, Job]]:
        seen.append(command.traceparent)
        return decide(state, command, env)

    fold = BatchDecider(behaving(decide=listening), CODEC, NoDefinitions(), 0)
    value = CODEC.encode(topics.REQUESTS, request("job-1"))
    item = Received(topics.REQUESTS, 0, b"job-1", value, (("traceparent", b"00-aa-bb-01"),), 0)
    fold.take([item], Lab().partition_state, NOW)
    assert seen == ["00-aa-bb-01"]


@pytest.mark.parametrize("batched", [True, False])
def test_a_batch_decides_each_input_on_the_state_that_the_one_before_it_left(
    batched: bool,
) -> None:
    inputs = [
        request("job-1", steps=1, placement="pool"),
        control(TellJob, "job-1", text="hello"),
        control(CancelJob, "job-1", reason="enough"),
        control(TellJob, "job-1", text="too late"),
    ]
    lab = Lab()
    if batched:
        lab.take(*inputs)
    else:
        for record in inputs:
            lab.take(record)
    assert lab.types("job-1")[3:] == ["JobTold", "JobCancelled"]
    assert [letter.code for letter in lab.dead()] == ["job_not_live"]


def test_nothing_of_an_aborted_batch_remains() -> None:
    asked: list[Record] = []

    def ask(work: Record) -> Record:
        asked.append(work)
        return result_of(work)

    lab = Lab(ask)
    lab.send(request("job-1"))
    lab.fail_next_commit = True
    with pytest.raises(LostCommit):
        lab.settle()
    assert lab.entries(topics.EVENTS) == []
    assert lab.partition_state.live == {}
    assert lab.partition_state.positions == {}
    assert asked == []


def test_after_an_aborted_batch_the_same_inputs_are_decided_again() -> None:
    lab = Lab()
    lab.send(request("job-1", steps=2))
    lab.fail_next_commit = True
    with pytest.raises(LostCommit):
        lab.settle()
    lab.settle()
    assert lab.types("job-1") == WHOLE_RUN


def test_take_leaves_the_book_as_it_is() -> None:
    lab = Lab()
    fold: BatchDecider[Job] = BatchDecider(JOBS, CODEC, NoDefinitions(), 0)
    value = CODEC.encode(topics.REQUESTS, request("job-1"))
    outcome = fold.take(
        [Received(topics.REQUESTS, 0, b"job-1", value, (), 0)], lab.partition_state, NOW
    )
    assert len(outcome.events) == 3
    assert (lab.partition_state.live, lab.partition_state.positions) == ({}, {})
