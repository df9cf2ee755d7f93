"""A view goes on from its position only if that is of the log that is there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from runfold.events import topics
from runfold.events.topics import TOPICS
from runfold.producers.log.topics.topic_ids import topic_ids
from runfold.projections import schema
from runfold.stack.settings import Settings
from tests.projections.running import ROOT, ask, projector, wait_caught_up
from tests.support import journal
from tests.support.builders.history import History
from tests.support.stack import fresh_topics, wait_until

pytestmark = pytest.mark.integration

JOURNAL = tuple(topic for topic in TOPICS if topic.name == topics.EVENTS)
T = topics.EVENTS


def runs(settings: Settings) -> list[str]:
    return [name for (name,) in ask(settings, "SELECT run_id FROM runs ORDER BY 1")]


def write(settings: Settings, *names: str, partition: int = 0) -> None:
    given = [History(name, partition=partition).created() for name in names]
    journal.write(settings.bootstrap_servers, given)


def take_new_log(settings: Settings) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "runfold.projections", "--take-new-log"],
        env={**os.environ, **settings.to_env()},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def said(settings: Settings) -> str:
    return (Path(settings.home) / "projector.log").read_text()


def test_positions_carry_the_topic_s_id(settings: Settings) -> None:
    write(settings, "a")
    with projector(settings):
        wait_caught_up(settings)
    ids = topic_ids(settings.kafka_config(), [T])
    found = ask(settings, f"SELECT DISTINCT topic_id FROM projection_positions WHERE topic = '{T}'")
    assert found == [(ids[T],)]


@pytest.mark.parametrize("count", [1, 9], ids=["fewer", "more"])
def test_a_journal_that_was_made_anew_is_not_followed_from_an_old_offset(
    settings: Settings, count: int
) -> None:
    write(settings, "old-1", "old-2")
    with projector(settings):
        wait_caught_up(settings)
    fresh_topics(settings, JOURNAL)
    new = [f"new-{n}" for n in range(count)]
    write(settings, *new)
    write(settings, "other", partition=1)
    with projector(settings):
        # The other partitions go on.
        wait_until(lambda: "other" in runs(settings), 60)
        wait_until(lambda: "the view runs has seen runs.events/0 up to offset" in said(settings))
    assert runs(settings) == ["old-1", "old-2", "other"]
    assert "runs is folded again from the beginning" in take_new_log(settings)
    with projector(settings):
        wait_until(lambda: runs(settings) == sorted([*new, "other"]), 60)
    assert "nothing to do" in take_new_log(settings)


def test_views_go_on_behind_a_beginning_that_is_gone_once_somebody_says_so(
    settings: Settings,
) -> None:
    write(settings, "a")
    with projector(settings):
        wait_caught_up(settings)
    write(settings, "gone")
    (offset,) = journal.ends(settings.bootstrap_servers, T, 1).values()
    write(settings, "kept")
    admin = AdminClient({**settings.kafka_config(), "log_level": 0})
    for future in admin.delete_records([TopicPartition(T, 0, offset)]).values():
        future.result()
    with projector(settings):
        wait_until(lambda: f"runs.events/0 begins at {offset}" in said(settings), 60)
    assert runs(settings) == ["a"]
    assert "what was between is gone" in take_new_log(settings)
    with projector(settings):
        wait_until(lambda: runs(settings) == ["a", "kept"], 60)


def test_tables_of_the_release_before_get_the_column(database_url: str) -> None:
    schema.ensure(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE projection_positions DROP COLUMN topic_id")
        connection.execute("UPDATE projection_schema SET version = 5")
        schema.ensure(database_url)
        rows = connection.execute("SELECT topic_id FROM projection_positions").fetchall()
    assert rows == []
