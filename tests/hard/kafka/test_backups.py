"""Back-ups: what is in the files, what belongs to the journal, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from runfold.events import topics
from runfold.events.calls import ToolResult
from runfold.events.calls.base import Outcome
from runfold.events.contents.content import Content
from runfold.events.probe import PROBE_TENANT
from runfold.events.records.operations import DeadLetter, PositionNoted
from runfold.events.run import MessageKind, UserMessageReceived
from runfold.events.topics import TOPICS
from runfold.events.values import Position
from runfold.infra.artifacts.files import FileArtifacts
from runfold.infra.deployment import binding, database
from runfold.infra.deployment.identity import Journal
from runfold.infra.deployment.journal import journal_of
from runfold.infra.kafka import preflight
from runfold.infra.kafka.errors import KafkaUnfitError
from runfold.infra.process.exit_codes import ExitCode
from runfold.producers.log.kafka import TopicReader
from runfold.producers.log.port import Delivery
from runfold.projections import schema
from runfold.stack import control
from runfold.stack.errors import StackError
from runfold.stack.kafka.topics import ensure_topics
from runfold.stack.settings import Settings
from runfold.surfaces.backup import artifacts, mark, records, restore
from runfold.surfaces.backup.backup import backup, doubts
from runfold.surfaces.backup.errors import BackupError, NotABackupError, NotEmptyError
from runfold.surfaces.backup.manifest import FileSaid, Manifest
from runfold.surfaces.backup.plan import Plan, live_and_ended, probes
from runfold.surfaces.backup.records import Kept
from runfold.surfaces.backup.telling import NOBODY, Told
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from runfold.surfaces.cli.operations.data import backing_up
from runfold.surfaces.processes import PROCESSES
from tests.support import journal
from tests.support.builders.backups import MOMENT, Folder, kept, noted
from tests.support.builders.history import CODEC, History
from tests.support.stack import Servers, fresh_database, named_topics, wait_until

RUN = "0198c5a0-0000-7000-8000-000000000001"
OTHER = "0198c5a0-0000-7000-8000-000000000002"


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    given = [
        Kept(3, 1, None, None, ()),
        Kept(4, 2**40, b"", b"", (("a", b"1"), ("a", None), ("ü", b"\xff"))),
        Kept(9, 5, b"\x00key", b"\xff" * 5000, ()),
    ]
    assert records.write(tmp_path / "t" / "0.avro", iter(given)) == 3
    assert list(records.read(tmp_path / "t" / "0.avro")) == given


def told(plan: Plan, topic: str) -> list[Kept]:
    (said,) = plan.manifest.of(topic)
    return list(plan.records(said))


def test_decided_inputs_are_left_out_and_the_others_keep_the_position(tmp_path: Path) -> None:
    folder = Folder(tmp_path).put(topics.EVENTS, noted(0, requests=5))
    inputs = [kept(4, "a"), kept(5, "b"), kept(9, "c")]
    plan = folder.put(topics.REQUESTS, *inputs, start=4).plan()
    assert [(each.offset, each.key) for each in told(plan, topics.REQUESTS)] == [
        (5, b"b"),
        (6, b"c"),
    ]
    assert list(doubts(plan)) == []


def test_inputs_that_were_gone_before_anybody_read_them_are_named(tmp_path: Path) -> None:
    folder = Folder(tmp_path).put(topics.EVENTS, noted(0, requests=5))
    plan = folder.put(topics.REQUESTS, kept(8, "c"), start=8).plan()
    (said,) = doubts(plan)
    assert said.startswith("3 offsets of runs.requests/0 had been deleted")


def test_an_artifact_that_the_journal_names_and_nobody_has_is_named(tmp_path: Path) -> None:
    ref = f"artifact:acme/{'ab' * 32}"
    words = History(OTHER).created(goal=f"somebody's words name {ref}")
    named = Content(media_type="text/plain", size=1, digest=b"", ref=f"artifact:acme/{'cd' * 32}")
    said = UserMessageReceived(message_id="m", kind=MessageKind.GOAL, content=named)
    run = History(RUN).created().add(said)
    values = [*words.values, *run.values]
    plan = (
        Folder(tmp_path)
        .put(topics.EVENTS, *(kept(n, RUN, value) for n, value in enumerate(values)))
        .plan()
    )
    assert plan.missing_artifacts() == {"cd" * 32}
    (doubt,) = doubts(plan)
    assert doubt.startswith("1 artifacts that the journal names are not there")


def letter(offset: int, of: int) -> Kept:
    said = DeadLetter(
        topic=topics.REQUESTS,
        partition=0,
        offset=of,
        time=MOMENT,
        code="empty",
        reason="test",
        size=0,
    )
    return kept(offset, f"{of}", CODEC.encode(topics.DEAD_LETTERS, said))


def test_what_came_after_the_journal_s_end_is_written_again_and_not_restored(
    tmp_path: Path,
) -> None:
    run = History(RUN).created().ended()
    events = [kept(n, RUN, value) for n, value in enumerate(run.values)]
    folder = Folder(tmp_path).put(topics.EVENTS, *events, noted(9, requests=5))
    folder.put(topics.DEAD_LETTERS, letter(0, 4), letter(1, 5), kept(2, "x", b"no letter"))
    folder.put(topics.COMPLETIONS, kept(0, RUN), kept(1, OTHER))
    plan = folder.plan()
    assert [each.key for each in told(plan, topics.DEAD_LETTERS)] == [b"4", b"x"]
    assert [each.key for each in told(plan, topics.COMPLETIONS)] == [RUN.encode()]


def result(offset: int, run_id: str) -> Kept:
    said = ToolResult(
        run_id=run_id, call_id="1", attempt=1, outcome=Outcome.SUCCEEDED, latency_ms=1
    )
    return kept(offset, run_id, CODEC.encode(topics.RESULTS, said))


def test_a_result_of_a_call_that_the_journal_does_not_know_is_left_out(tmp_path: Path) -> None:
    ended, live = History(RUN).created().ended(), History(OTHER).created()
    events = [kept(n, "r", value) for n, value in enumerate([*ended.values, *live.values])]
    folder = Folder(tmp_path).put(topics.EVENTS, *events)
    # The causes of the events say that everything before offset 10 is decided.
    given = [result(10, OTHER), result(11, OTHER), result(12, RUN), kept(13, "x", b"none")]
    plan = folder.put(topics.RESULTS, *given, before=11).plan()
    assert [each.key for each in told(plan, topics.RESULTS)] == [OTHER.encode(), RUN.encode(), b"x"]


def test_a_message_that_its_sender_does_not_know_makes_no_back_up(tmp_path: Path) -> None:
    said = PositionNoted(
        positions=(Position(topic="from runs.events", partition=0, offset=3),), reason="test"
    )
    events = kept(0, None, CODEC.encode(topics.EVENTS, said))
    with pytest.raises(BackupError, match="taken message 3 of lane 0"):
        Folder(tmp_path).put(topics.EVENTS, events).plan()


def test_a_journal_with_a_gap_makes_no_back_up(tmp_path: Path) -> None:
    run = History(RUN).created()
    events = [kept(n, RUN, value) for n, value in enumerate(run.values) if n != 1]
    with pytest.raises(BackupError, match="goes from event 1 to event 3"):
        Folder(tmp_path).put(topics.EVENTS, *events).plan()


def spoil(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def newer(path: Path) -> None:
    said = json.loads((path.parents[2] / "manifest.json").read_text())
    (path.parents[2] / "manifest.json").write_text(json.dumps({**said, "format": 99}))


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (spoil, "damaged or changed"),
        (Path.unlink, "cannot be read"),
        (newer, "has the form 99"),
        (lambda path: (path.parents[2] / "manifest.json").unlink(), "not finished"),
    ],
)
def test_a_back_up_that_is_not_whole_is_refused(
    tmp_path: Path, harm: Callable[[Path], object], why: str
) -> None:
    Folder(tmp_path).put(topics.EVENTS, noted(0, requests=1)).plan()
    harm(tmp_path / "topics" / topics.EVENTS / "0.avro")
    with pytest.raises(NotABackupError, match=why):
        restore.read(tmp_path, CODEC, lambda _: None)


def test_an_artifact_is_copied_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    store = FileArtifacts(tmp_path / "store")
    store.put(b"whole", "text/plain", "one")
    ref = store.put(b"broken", "text/plain", "two").ref
    (broken,) = (tmp_path / "store").rglob(ref.rpartition("/")[2])
    broken.write_bytes(b"other")
    found, damaged = artifacts.save(tmp_path / "store", tmp_path / "kept")
    assert [type(each) for each in found] == [FileSaid]
    assert damaged == [str(broken.relative_to(tmp_path / "store"))]
    with pytest.raises(NotEmptyError):
        artifacts.need_empty(tmp_path / "store")


def save(settings: Settings, folder: Path) -> Manifest:
    kafka = settings.kafka_config()
    store = settings.home / "artifacts"
    reader = TopicReader(kafka, CODEC)
    return backup(kafka, reader, CODEC, settings.database_url, store, folder).manifest


def delete_topics(settings: Settings) -> None:
    admin = AdminClient({**settings.kafka_config(), "log_level": 0})
    names = {topic.name for topic in TOPICS}
    for future in admin.delete_topics(sorted(names), operation_timeout=10).values():
        future.result()
    wait_until(lambda: not names & set(admin.list_topics(timeout=10).topics))


def bring_back(settings: Settings, folder: Path, home: Path, told: Told = NOBODY) -> None:
    kafka = settings.kafka_config()
    restore.restore(
        restore.read(folder, CODEC, lambda _: None),
        kafka,
        settings.database_url,
        home / "artifacts",
        lambda specs, count: ensure_topics(kafka, specs, count, mend=True),
        told,
    )


def all_of(settings: Settings, topic: str) -> list[Delivery]:
    found = (
        replace(each, error=None)
        for each in TopicReader(settings.kafka_config(), CODEC).read(topic)
    )
    return sorted(found, key=lambda each: (each.place.partition, each.place.offset))


def noted_again(each: Delivery) -> bool:
    return isinstance(each.record, PositionNoted)


def put(settings: Settings, topic: str, *given: Kept) -> None:
    producer = Producer({**settings.producer_config(), "log_level": 0})
    for each in given:
        producer.produce(
            topic, each.value, each.key, 0, timestamp=each.time_ms, headers=list(each.headers)
        )
    assert producer.flush(20) == 0


@pytest.mark.integration
def test_the_journal_comes_back_offset_by_offset(settings: Settings, tmp_path: Path) -> None:
    schema.ensure(settings.database_url)
    runs = [History(f"run-{n}", partition=n % 2).created().ended() for n in range(60)]
    journal.write(settings.bootstrap_servers, runs, per_transaction=5)
    week = int(datetime.now(UTC).timestamp() * 1000) - 10 * 24 * 3600 * 1000
    marked = Kept(0, week, b"k", b"never decided", (("h", b"1"), ("h", None)))
    put(settings, topics.CONTROLS, marked)
    put(settings, topics.ALERTS, kept(0, "alert"))
    before = {topic: all_of(settings, topic) for topic in (topics.EVENTS, topics.CONTROLS)}
    bound = binding.begin(settings.database_url, print)
    assert bound is not None
    binding.finish(settings.kafka_config(), settings.database_url, bound, print)
    said = save(settings, tmp_path / "kept")
    assert (said.live_runs, said.ended_runs) == (0, 60)
    with pytest.raises(NotEmptyError, match="holds records"):
        bring_back(settings, tmp_path / "kept", tmp_path / "home")
    with pytest.raises(NotEmptyError, match="is not empty"):
        save(settings, tmp_path / "kept")
    delete_topics(settings)
    bring_back(settings, tmp_path / "kept", tmp_path / "home")
    events = all_of(settings, topics.EVENTS)
    notes = [each.record for each in events if isinstance(each.record, PositionNoted)]
    assert [each for each in events if not isinstance(each.record, PositionNoted)] == [
        each for each in before[topics.EVENTS] if not isinstance(each.record, PositionNoted)
    ]
    assert sum("restored from the back-up" in each.reason for each in notes) == 4
    assert all_of(settings, topics.CONTROLS) == before[topics.CONTROLS]
    assert len(all_of(settings, topics.ALERTS)) == 1
    # The database belonged to the topics that are gone, and belongs to these now.
    now = database.binding_of(settings.database_url)
    assert now is not None
    assert (now.database_id, now.topic_id == bound.topic_id) == (bound.database_id, False)
    assert journal_of(settings.kafka_config()) == Journal(now.topic_id, now.mark)


@pytest.mark.integration
def test_a_deployment_moves_to_another_name_by_a_back_up(
    settings: Settings, servers: Servers, tmp_path: Path
) -> None:
    schema.ensure(settings.database_url)
    runs = [History(f"run-{n}", partition=n % 2).created().ended() for n in range(20)]
    journal.write(settings.bootstrap_servers, runs, per_transaction=5)
    save(settings, tmp_path / "kept")
    # Beside the topics that were backed up, which stay.
    with named_topics(settings, "moved") as named, fresh_database(servers.database_url) as url:
        there = replace(named, database_url=url)
        bring_back(there, tmp_path / "kept", tmp_path / "home")
        moved, before = (
            [each for each in all_of(found, topics.EVENTS) if not noted_again(each)]
            for found in (there, settings)
        )
        assert moved == before
        # By a client that knows no names.
        at_the_brokers = AdminClient(settings.kafka_config()).list_topics(timeout=10).topics
        assert {"runs.events", "moved.runs.events"} <= set(at_the_brokers)
        with pytest.raises(NotEmptyError, match="under another name"):
            bring_back(there, tmp_path / "kept", tmp_path / "again")


@pytest.mark.integration
def test_a_journal_that_lost_its_beginning_is_not_backed_up(
    settings: Settings, tmp_path: Path
) -> None:
    journal.write(settings.bootstrap_servers, [History("run", partition=0).created()])
    admin = AdminClient({**settings.kafka_config(), "log_level": 0})
    for future in admin.delete_records([TopicPartition(topics.EVENTS, 0, 1)]).values():
        future.result()
    with pytest.raises(BackupError, match=r"runs.events/0 begins at offset 1"):
        save(settings, tmp_path / "kept")
    assert not (tmp_path / "kept" / "manifest.json").exists()


def stops_after(topic: str) -> Told:
    """Who presses Ctrl-C when a topic is written."""

    def line(said: str) -> None:
        if said.startswith(f"{topic}:"):
            raise KeyboardInterrupt

    return Told(line)


@pytest.mark.integration
@pytest.mark.parametrize("topic", [topics.EVENTS, topics.RESULTS])
def test_no_process_starts_on_a_restore_that_did_not_finish(
    settings: Settings, tmp_path: Path, topic: str
) -> None:
    schema.ensure(settings.database_url)
    # Lanes 1 to 3 have no journal: nothing in it keeps them from opening.
    journal.write(settings.bootstrap_servers, [History("run", partition=0).created().ended()])
    folder, home, kafka = tmp_path / "kept", tmp_path / "home", settings.kafka_config()
    save(settings, folder)
    delete_topics(settings)
    with pytest.raises(KeyboardInterrupt):
        bring_back(settings, folder, home, stops_after(topic))
    with pytest.raises(KafkaUnfitError, match="its restore did not finish"):
        preflight.need(kafka, ["runfold-tools"])
    ended = subprocess.run(
        [sys.executable, "-m", "runfold.processors.run"],
        env={**os.environ, **settings.to_env(), "RUNFOLD_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == ExitCode.WRONG_SETTINGS
    assert "delete Runfold's topics" in ended.stderr
    with pytest.raises(StackError, match="its restore did not finish"):
        control.up(replace(settings, home=home), PROCESSES)
    with pytest.raises(BackupError, match="its restore did not finish"):
        save(settings, tmp_path / "again")
    delete_topics(settings)
    bring_back(settings, folder, home)
    preflight.need(kafka, ["runfold-tools"])
    assert not (home / "restoring").exists()


def test_whoever_interrupts_a_restore_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        mark.put(tmp_path / "home")
        raise KeyboardInterrupt

    folder = Folder(tmp_path / "kept").put(topics.EVENTS, noted(0, requests=1))
    folder.write()
    monkeypatch.setattr(backing_up, "restore", interrupted)
    monkeypatch.setenv("RUNFOLD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "localhost:1")
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost:1/none")
    assert run(["restore", str(folder.root)]) == exits.INTERRUPTED
    said = capsys.readouterr().err
    assert said.startswith("Interrupted: what was restored so far cannot be used. Delete")
    assert str(tmp_path / "home" / "restoring") in said


def test_probes_are_told_from_runs(tmp_path: Path) -> None:
    probe = History(RUN, PROBE_TENANT).created().ended()
    other = History(OTHER).created(goal=PROBE_TENANT).ended()
    values = [*probe.values, *other.values]
    events = [kept(n, "r", value) for n, value in enumerate(values)]
    plan = Folder(tmp_path).put(topics.EVENTS, *events).plan()
    assert (live_and_ended(plan.cuts), probes(plan.cuts)) == ((0, 2), 1)
