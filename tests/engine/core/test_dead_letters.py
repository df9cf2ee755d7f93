"""An input that cannot be used stops nothing, is told once, and is never lost."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from runfold.events.avro.headers import TIME_CHECKED
from runfold.events.base import Fact, Record
from runfold.events.errors import RegistryError
from runfold.events.topics import MAX_INPUT_BYTES
from runfold.processors.engine.aggregate import Command, Env
from runfold.processors.engine.core.batch import BatchDecider
from runfold.processors.engine.core.inputs import Received
from tests.engine.host import NoDefinitions
from tests.engine.lab import Lab
from tests.engine.toys import topics
from tests.engine.toys.inputs import CODEC
from tests.engine.toys.job import (
    JOBS,
    NOW,
    Job,
    behaving,
    big,
    control,
    decide,
    folded,
    request,
    result,
)
from tests.engine.toys.job_records import CancelJob, JobResult, JobTold, PauseJob, TellJob

GOOD = CODEC.encode(topics.REQUESTS, request("job-1"))


@pytest.mark.parametrize(
    ("topic", "key", "value", "code"),
    [
        (topics.REQUESTS, "job-1", b"rubbish", "not_framed"),
        (topics.REQUESTS, "job-1", b"\0\0\0\xff\xff" + GOOD[5:], "unknown_schema"),
        (topics.REQUESTS, "job-1", GOOD[:-9], "truncated"),
        (topics.CONTROLS, "job-1", GOOD, "wrong_topic"),
        (topics.REQUESTS, "job-2", GOOD, "key_mismatch"),
        (topics.REQUESTS, "job-1", None, "empty"),
        (topics.CONTROLS, "job-1", b"x" * (MAX_INPUT_BYTES + 1), "oversized"),
    ],
)
def test_unusable_bytes_become_one_dead_letter_and_the_lane_goes_on(
    topic: str, key: str, value: bytes | None, code: str
) -> None:
    lab = Lab()
    lab.put(topic, key, value)
    lab.take(request("job-9"))
    (letter,) = lab.dead()
    assert (letter.code, letter.topic, letter.partition, letter.offset) == (code, topic, 0, 0)
    assert letter.key == key.encode()
    assert letter.value == value
    assert letter.size == len(value or b"")
    assert lab.types("job-9")[-1] == "JobCompleted"


def test_a_dead_letter_is_not_written_again_after_a_restart() -> None:
    lab = Lab()
    lab.put(topics.CONTROLS, "job-1", b"rubbish")
    lab.settle()
    assert lab.notes()[0].positions[0].offset == 1
    lab.restart()
    lab.settle()
    assert len(lab.dead()) == 1


def test_headers_are_kept() -> None:
    lab = Lab()
    lab.put(topics.CONTROLS, "job-1", b"rubbish", (("who", b"me"), ("none", None)))
    lab.settle()
    assert [(h.key, h.value) for h in lab.dead()[0].headers] == [("who", b"me"), ("none", None)]


def test_what_the_screen_refuses_is_told_with_its_code() -> None:
    lab = Lab()
    stale = request("job-1", goal="stale")
    lab.take(stale)
    assert [(letter.code, letter.reason) for letter in lab.dead()] == [("stale_request", "too old")]
    assert lab.types("job-1") == []


def test_what_its_sender_tells_needs_no_dead_letter_where_the_sender_sees_it() -> None:
    lab = Lab()
    stale = CODEC.encode(topics.REQUESTS, request("job-1", goal="stale"))
    lab.put(topics.REQUESTS, "job-1", stale, (TIME_CHECKED,))
    lab.put(topics.CONTROLS, "job-1", b"rubbish", (TIME_CHECKED,))
    lab.take(request("job-9"))
    assert [letter.code for letter in lab.dead()] == ["not_framed"]
    assert lab.types("job-1") == []
    assert lab.types("job-9")[-1] == "JobCompleted"


@pytest.mark.parametrize("reason", ["boom", "boom in evolve"])
def test_an_input_that_breaks_the_decider_leaves_nothing_behind(reason: str) -> None:
    lab = Lab()
    lab.take(
        request("job-1", placement="pool"),
        control(PauseJob, "job-1", reason=reason),
        control(TellJob, "job-1", text="still here"),
    )
    assert [letter.code for letter in lab.dead()] == ["decider_failed"]
    assert "RuntimeError: boom" in lab.dead()[0].reason
    assert lab.types("job-1")[3:] == ["JobTold"]
    assert lab.journal().faults() == []


@pytest.mark.parametrize("known", [True, False])
def test_a_control_for_a_run_that_is_not_live_is_on_record(known: bool) -> None:
    lab = Lab()
    if known:
        lab.take(request("job-1"))
    lab.take(control(CancelJob, "job-1", reason=""))
    assert [letter.code for letter in lab.dead()] == ["job_not_live"]


@pytest.mark.parametrize(("effect", "codes"), [(True, ["late_result"]), (False, [])])
def test_a_late_result_is_on_record_where_it_tells_of_a_side_effect(
    effect: bool, codes: list[str]
) -> None:
    lab = Lab()
    lab.take(request("job-1"))
    lab.take(result("job-1", "job-1.1", effect=effect))
    assert [letter.code for letter in lab.dead()] == codes


def test_a_timer_that_breaks_the_decider_rests() -> None:
    lab = Lab()
    lab.take(request("job-1", timer_ms=0, placement="unknown"))
    assert [(letter.topic, letter.code) for letter in lab.dead()] == [("timer", "decider_failed")]
    assert lab.types("job-1")[-1] == "JobSlept"


def test_a_result_from_memory_that_breaks_the_decider_is_told_with_its_bytes() -> None:
    def broken(state: Job | None, command: Command, env: Env) -> Sequence[tuple[Fact, Job]]:
        if isinstance(command.body, JobResult):
            raise OSError("boom")
        return decide(state, command, env)

    lab = Lab()
    lab._fold = BatchDecider(behaving(decide=broken), CODEC, NoDefinitions(), 0)
    lab.take(request("job-1"))
    (letter,) = lab.dead()
    assert (letter.topic, letter.offset) == (topics.RESULTS, -1)
    assert CODEC.decode(topics.RESULTS, letter.value or b"") == result("job-1", "job-1.1")


def test_a_run_begins_only_in_the_lane_where_its_key_belongs() -> None:
    fold: BatchDecider[Job] = BatchDecider(JOBS, CODEC, NoDefinitions(), 0, lambda _topic, _key: 3)
    item = Received(topics.REQUESTS, 0, b"job-1", GOOD, (), 0)
    outcome = fold.take([item], Lab().partition_state, NOW)
    letters = [m for m in outcome.others if m.topic == topics.DEAD_LETTERS]
    assert outcome.dead == 1
    assert outcome.changed == {}
    assert b"partition 3" in (letters[0].value or b"")


def test_of_a_huge_value_the_beginning_is_kept() -> None:
    lab = Lab()
    lab.put(topics.CONTROLS, "job-1", b"x" * 5_000_000)
    lab.settle()
    (letter,) = lab.dead()
    assert (len(letter.value or b""), letter.size) == (4_000_000, 5_000_000)


def test_an_event_too_large_for_the_journal_refuses_its_input() -> None:
    def huge(state: Job | None, command: Command, env: Env) -> Sequence[tuple[Fact, Job]]:
        return folded(state, [JobTold(text="x" * 8_000_000)], command, env)

    lab = Lab()
    lab.take(request("job-1", placement="pool"))
    lab._fold = BatchDecider(behaving(decide=huge), CODEC, NoDefinitions(), 0)
    lab.take(big(10))
    assert [letter.code for letter in lab.dead()] == ["decider_failed"]
    assert "artifact store" in lab.dead()[0].reason


def test_a_registry_that_does_not_answer_is_no_fault_of_the_record() -> None:
    class Silent:
        def __getattr__(self, name: str) -> object:
            return getattr(CODEC, name)

        def decode(self, topic: str, value: bytes) -> Record:
            raise RegistryError("no answer")

    lab = Lab()
    lab._fold = BatchDecider(JOBS, Silent(), NoDefinitions(), 0)  # type: ignore[arg-type]
    lab.send(request("job-1"))
    with pytest.raises(RegistryError):
        lab.settle()
    assert lab.dead() == []
