"""A second deployment on the topics of another is refused before it touches anything."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Consumer

from runfold.events.topics import EVENTS, TOOL_CALLS, TOPICS
from runfold.infra.deployment import binding, database, members
from runfold.infra.deployment.identity import (
    ADOPT,
    AnotherDeploymentError,
    Binding,
    StillRunningError,
)
from runfold.infra.deployment.journal import SETTING, journal_of
from runfold.infra.process.exit_codes import ExitCode
from runfold.producers.log.consumers import admin_of
from runfold.stack.kafka.topics import ensure_topics
from runfold.stack.settings import Settings
from runfold.surfaces.cli import exits
from tests.support.stack import Servers, fresh_database, fresh_topics, temporary_home, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[3]
PREPARE = "runfold.stack.prepare"
PROCESSES = (
    PREPARE,
    "runfold.processors.run",
    "runfold.processors.tool",
    "runfold.processors.model",
    "runfold.projections",
    "runfold.processors.monitor",
)


def ran(settings: Settings, *module: str) -> subprocess.CompletedProcess[str]:
    """Run a program that should end by itself."""
    return subprocess.run(
        [sys.executable, "-m", *module],
        env={**os.environ, **settings.to_env(), "RUNFOLD_LOG_LEVEL": "ERROR"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def heard(line: str) -> None:
    raise AssertionError(line)


def bind(settings: Settings) -> Binding:
    """Put a database and topics together, as ``prepare`` does."""
    made = binding.begin(settings.database_url, heard)
    assert made is not None
    binding.finish(settings.kafka_config(), settings.database_url, made, heard)
    found = database.binding_of(settings.database_url)
    assert found is not None
    return found


@pytest.fixture
def other(servers: Servers, settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """Another deployment's settings: the same Kafka, a database and a home of its own."""
    with fresh_database(servers.database_url) as url:
        home = tmp_path / "other"
        home.mkdir()
        yield replace(settings.at(settings.bootstrap_servers, url), home=home)


def schemas(settings: Settings) -> list[str]:
    with psycopg.connect(settings.database_url) as connection:
        rows = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'runfold%'"
        ).fetchall()
    return [str(name) for (name,) in rows]


def test_what_prepare_puts_together_stays_together(settings: Settings) -> None:
    assert ran(settings, PREPARE).returncode == ExitCode.TOLD_TO_END
    found, journal = database.binding_of(settings.database_url), journal_of(settings.kafka_config())
    assert found is not None
    assert journal is not None
    assert (journal.mark, journal.topic_id) == (found.mark, found.topic_id)
    assert ran(settings, PREPARE).returncode == ExitCode.TOLD_TO_END
    assert database.binding_of(settings.database_url) == found


@pytest.mark.parametrize("module", PROCESSES)
def test_every_process_with_another_database_is_refused(
    settings: Settings, other: Settings, module: str
) -> None:
    bind(settings)
    ended = ran(other, module)
    assert ended.returncode == ExitCode.WRONG_SETTINGS, ended.stderr
    assert "belong to a deployment with another database" in ended.stderr
    assert "Traceback" not in ended.stderr
    # Nothing was made in its database, and the first one is as it was.
    assert schemas(other) == []
    binding.need(settings.kafka_config(), settings.database_url, heard)


def test_a_command_that_writes_is_refused(settings: Settings, other: Settings) -> None:
    bind(settings)
    refused = ran(other, "runfold.surfaces.cli", "run", "something")
    assert refused.returncode == exits.UNAVAILABLE
    said = " ".join((refused.stdout + refused.stderr).split())
    assert "belong to a deployment with another database" in said


def test_a_topic_that_is_not_there_says_nothing(settings: Settings) -> None:
    admin = admin_of(settings.kafka_config())
    admin.delete_topics([EVENTS], operation_timeout=20)[EVENTS].result()
    wait_until(lambda: journal_of(settings.kafka_config()) is None)


def test_a_database_of_other_topics_is_refused(settings: Settings) -> None:
    bind(settings)
    fresh_topics(settings)
    ended = ran(settings, PREPARE)
    assert ended.returncode == ExitCode.WRONG_SETTINGS
    assert "whose topics are not those of this Kafka" in ended.stderr
    assert ran(settings, "runfold.projections").returncode == ExitCode.WRONG_SETTINGS
    # And whoever knows better says so.
    assert ran(settings, PREPARE, ADOPT).returncode == ExitCode.TOLD_TO_END
    binding.need(settings.kafka_config(), settings.database_url, heard)


def test_a_new_database_takes_the_place_of_one_that_was_lost(
    settings: Settings, other: Settings
) -> None:
    bind(settings)
    assert ran(other, PREPARE, ADOPT).returncode == ExitCode.TOLD_TO_END
    binding.need(other.kafka_config(), other.database_url, heard)
    # The former one is refused from now on: there is one database at a time.
    with pytest.raises(AnotherDeploymentError, match="another database"):
        binding.need(settings.kafka_config(), settings.database_url, heard)


def test_nothing_is_adopted_while_processes_run(settings: Settings, other: Settings) -> None:
    bind(settings)
    heard: list[str] = []
    kafka = settings.kafka_config()
    pool = Consumer({**kafka, "group.id": "runfold-tools", "session.timeout.ms": 6000})
    pool.subscribe([TOOL_CALLS])
    try:
        wait_until(lambda: pool.poll(0.1) is None and bool(pool.assignment()))
        with pytest.raises(StillRunningError, match=r"1 in runfold-tools"):
            members.need_nobody(kafka, heard.append, wait_s=1)
    finally:
        pool.close()
    assert len(heard) == 1
    # It has left, or will be taken for dead within the time that is waited.
    assert ran(other, PREPARE, ADOPT).returncode == ExitCode.TOLD_TO_END


def test_of_two_that_make_the_topics_at_once_one_is_refused(
    settings: Settings, servers: Servers
) -> None:
    with ExitStack() as stack:
        many = [
            settings.at(
                settings.bootstrap_servers,
                stack.enter_context(fresh_database(servers.database_url)),
            )
            for _ in range(4)
        ]
        admin = admin_of(settings.kafka_config())
        names = [topic.name for topic in TOPICS]
        for future in admin.delete_topics(names, operation_timeout=20).values():
            future.result()
        wait_until(lambda: not set(names) & set(admin.list_topics(timeout=10).topics))

        def begun(mine: Settings) -> bool:
            made = binding.begin(mine.database_url, heard)
            assert made is not None
            kafka = mine.kafka_config()
            ensure_topics(kafka, TOPICS, 4, born={EVENTS: {SETTING: made.mark}})
            try:
                binding.finish(kafka, mine.database_url, made, heard)
            except AnotherDeploymentError:
                return False
            return True

        with ThreadPoolExecutor(len(many)) as pool:
            assert sorted(pool.map(begun, many)) == [False, False, False, True]


def test_the_topics_of_an_earlier_release_are_taken_over(
    settings: Settings, other: Settings
) -> None:
    # Topics without a mark and a database without a row: as every deployment was before.
    found = journal_of(settings.kafka_config())
    assert found is not None
    assert found.mark == ""
    binding.need(settings.kafka_config(), settings.database_url, heard)
    bind(settings)
    with pytest.raises(AnotherDeploymentError):
        bind(other)


def test_a_second_up_is_refused_and_the_first_goes_on(settings: Settings, other: Settings) -> None:
    up, down = ("runfold.surfaces.cli", "up"), ("runfold.surfaces.cli", "down")
    with temporary_home() as home, temporary_home() as second:
        mine, theirs = replace(settings, home=home), replace(other, home=second)
        try:
            first = ran(mine, *up)
            assert first.returncode == 0, first.stdout + first.stderr
            refused = ran(theirs, *up)
            said = " ".join((refused.stdout + refused.stderr).split())
            assert refused.returncode != 0
            assert "belong to a deployment with another database" in said
            # Nobody was fenced: a run completes, which the probe of `up` waits for.
            again = ran(mine, *up)
            assert again.returncode == 0, again.stdout + again.stderr
            assert "a run completed" in again.stdout
            assert schemas(other) == []
        finally:
            ran(mine, *down)
            ran(theirs, *down)
