"""``audit verify`` and ``deadletters`` read the log themselves."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from runfold.events import topics
from runfold.events.records.operations import DeadLetter
from runfold.producers.log.partitioner import partition_for
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from tests.deciders.given import RUN
from tests.support.builders.stories import CODEC, STORIES, written_history
from tests.surfaces.answering import answering, context_of


@pytest.mark.parametrize("name", STORIES)
def test_a_run_that_the_engine_wrote_is_sound(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    context = context_of(answering(*STORIES[name]))
    assert run(["audit", "verify", "--json"], context) == exits.OK
    said = json.loads(capsys.readouterr().out)
    assert said["sound"] is True
    assert (said["runs"], said["decisions"]) == (1, len(STORIES[name]))


def test_a_journal_that_lost_an_event_is_not_sound(capsys: pytest.CaptureFixture[str]) -> None:
    log = answering()
    written, _ = written_history(STORIES["pauses"])
    for value, _event in [*written[:4], *written[5:]]:
        log.append(topics.EVENTS, value, RUN.encode())
    assert run(["audit", "verify", RUN], context_of(log)) == exits.NO
    said = capsys.readouterr().out
    assert "it is number 6 where 5 must follow" in said
    assert "1 runs are not sound" in said


def test_a_record_that_is_no_event_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    log = answering(*STORIES["completes"])
    log.append(topics.EVENTS, b"garbage", RUN.encode())
    assert run(["audit", "verify", "--json"], context_of(log)) == exits.NO
    (fault,) = json.loads(capsys.readouterr().out)["faults"]
    assert fault["kind"] == "unreadable"


def test_what_only_a_newer_release_can_judge_is_no_forgery(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = answering(*STORIES["completes"])
    log.append(topics.EVENTS, b"\0\x7f\0\0\0of a newer release", RUN.encode())
    assert run(["audit", "verify"], context_of(log)) == exits.NO
    said = " ".join(capsys.readouterr().out.split())
    assert f"1 runs are of a newer release, such as {RUN}: audit them with that release" in said
    assert "not sound" not in said
    # What is of no run is named by its place.
    log.append(topics.EVENTS, b"\0\x7f\0\0\0of a newer release", b"")
    assert run(["audit", "verify", "--json"], context_of(log)) == exits.NO
    faults = json.loads(capsys.readouterr().out)["faults"]
    assert {fault["kind"] for fault in faults} == {"newer", "unreadable"}
    assert any(fault["run_id"].startswith("runs.events/") for fault in faults)


def test_a_completion_without_its_run_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    log = answering()
    written, _ = written_history(STORIES["completes"])
    log.append_event(written[-1][1], topics.COMPLETIONS)
    assert run(["audit", "verify", "--json"], context_of(log)) == exits.NO
    (fault,) = json.loads(capsys.readouterr().out)["faults"]
    assert fault["kind"] == "missing"


def test_a_run_that_is_not_there_is_not_found() -> None:
    assert run(["audit", "verify", RUN], context_of(answering())) == exits.NOT_FOUND


@pytest.mark.parametrize(("offset", "says"), [(0, False), (1, True)])
def test_a_control_on_a_wrong_partition_is_named_as_such(
    offset: int, says: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log, count = answering(), 4
    monkeypatch.setattr(log, "ends", lambda _topic: dict.fromkeys(range(count), 0))
    right = partition_for(RUN.encode(), count)
    letter = DeadLetter(
        topic=topics.CONTROLS, partition=(right + offset) % count, offset=0, key=RUN.encode(),
        time=datetime.now(UTC), code="run_not_live", reason="it has ended", size=0, value=b"",
    )  # fmt: skip
    log.append(topics.DEAD_LETTERS, CODEC.encode(topics.DEAD_LETTERS, letter), b"")
    assert run(["deadletters", "--json"], context_of(log)) == exits.OK
    (shown,) = json.loads(capsys.readouterr().out)
    assert (f"live on {right}: send it" in shown["reason"]) is says


def test_dead_letters_are_listed_and_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    log = answering()
    log.bury(RUN, "not_framed", "it begins with no schema id")
    assert run(["deadletters"], context_of(log)) == exits.OK
    assert "runs.requests/0/0  not_framed  3" in capsys.readouterr().out
    assert run(["deadletters", "--show", "1"], context_of(log)) == exits.OK
    assert "61 62 63" in capsys.readouterr().out
    assert run(["deadletters", "--show", "2"], context_of(log)) == exits.NOT_FOUND
    assert run(["deadletters", "--json"], context_of(answering())) == exits.OK
    assert "[]" in capsys.readouterr().out
