"""A right that is missing is named, and stops only who needs it; what the table lists is enough."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from runfold.events import topics
from runfold.events.calls import kinds
from runfold.events.topics import TOPICS
from runfold.infra.kafka import limits
from runfold.infra.kafka.errors import KafkaUnfitError
from runfold.infra.kafka.limits import SESSION_MS, TRANSACTION_MS
from runfold.infra.kafka.preflight import need
from runfold.infra.kafka.rights import CLI, LANES, PREPARE, PROGRAMS, READ, WRITE, Right
from runfold.processors.effects.pool.settings import PoolConfig
from runfold.processors.engine.config import EngineConfig
from runfold.processors.monitor.shell.alert_log import TRANSACTIONAL_ID
from runfold.processors.run.aggregate import RUNS
from runfold.producers.log.kafka_tail import TAIL
from runfold.projections import settings as projecting
from runfold.projections.store.reading import reader
from runfold.projections.views import VIEWS
from runfold.stack.kafka.topics import ensure_topics
from runfold.stack.settings import Settings
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.operations.stack.probing import probed
from tests.hard.preflight.brokers import Secured, secured_settings
from tests.support.stack import wait_until

pytestmark = pytest.mark.timeout(500)

ROOT = Path(__file__).parents[3]


def names(program: str, kind: str, operation: str) -> set[str]:
    rights = PROGRAMS[program].rights
    return {r.name for r in rights if r.kind == kind and r.operation == operation}


def test_the_table_names_what_the_code_uses() -> None:
    runs = "runfold-runs"
    spoken = RUNS.topics
    own = {spoken.journal, spoken.restore, spoken.parked, topics.COMPLETIONS}
    assert {*spoken.inputs, *own, topics.REGISTRY} <= names(runs, "topic", READ)
    written = {*own, *RUNS.work_topics.values(), *RUNS.sends_to, topics.DEAD_LETTERS}
    assert written <= names(runs, "topic", WRITE)
    groups = names(runs, "group", READ)
    assert {RUNS.positions_group("runfold"), RUNS.owners_group("runfold")} <= groups
    assert RUNS.transactional_id("runfold", 0) == f"{LANES}0"
    assert names("runfold-monitor", "transactional-id", WRITE) == {TRANSACTIONAL_ID}
    assert all(right.name for program in PROGRAMS.values() for right in program.rights)
    for kind in kinds.POOLED:
        assert {kind.topic} <= names(kind.group, "topic", READ)
        assert {kind.group} <= names(kind.group, "group", READ)
    read = {topic for view in VIEWS.values() for topic in view.topics}
    assert read <= names("runfold-projector", "topic", READ)
    groups = names("runfold-projector", "group", READ)
    assert {projecting._GROUP, reader._SETTINGS["group.id"], TAIL["group.id"]} <= groups


def test_the_bounds_are_those_of_the_code() -> None:
    assert EngineConfig({}, 1).transaction_timeout * 1000 == TRANSACTION_MS
    assert PoolConfig(kinds.TOOL, {}).membership().session_timeout_ms == SESSION_MS


@pytest.fixture(scope="module")
def ready(guarded: Secured) -> Secured:
    """A secured broker on which all topics are."""
    ensure_topics(guarded.settings.kafka_config(), TOPICS, guarded.settings.partitions)
    return guarded


def refused(kafka: dict[str, str], *programs: str) -> str:
    try:
        need(kafka, programs)
    except KafkaUnfitError as error:
        return str(error)
    return ""


@pytest.mark.integration
def test_a_user_with_the_table_s_rights_is_fit_and_each_denial_is_named(ready: Secured) -> None:
    tools = PROGRAMS["runfold-tools"].rights
    ready.allow("some", [*tools, *PROGRAMS["runfold-runs"].rights])
    me = ready.sasl("some")
    wait_until(lambda: refused(me, "runfold-tools", "runfold-runs") == "")

    ready.allow("some", [Right("topic", "tool.calls", READ)], deny=True)
    wait_until(lambda: refused(me, "runfold-tools") != "")
    assert refused(me, "runfold-tools") == (
        "User:some may not READ the topic tool.calls, which the tool pool needs: kafka-acls --add "
        "--allow-principal 'User:some' --operation Read --topic tool.calls, or take away the rule "
        "that denies it."
    )
    # Only who needs it stands still.
    assert refused(me, "runfold-runs") == ""

    ready.allow("some", [Right("group", "runfold-tools", READ)], deny=True)
    wait_until(lambda: "may not READ the group runfold-tools" in refused(me, "runfold-tools"))
    ready.allow("some", [Right("transactional-id", LANES, WRITE, prefixed=True)], deny=True)
    said = "may not WRITE the transactional ids that begin with runfold-runs-"
    wait_until(lambda: said in refused(me, "runfold-runs"))


@pytest.mark.integration
def test_a_user_without_any_right_is_told_of_all_of_them(ready: Secured) -> None:
    said = refused(ready.sasl("nobody"), "runfold-runs")
    assert "User:nobody may not READ the topic runs.requests" in said
    assert "`runfold doctor` says all" in said
    assert "needs DESCRIBE_CONFIGS" not in said
    assert "may not DESCRIBE_CONFIGS the topic" in refused(ready.sasl("nobody"), PREPARE)
    assert "which the command line needs" in refused(ready.sasl("nobody"), CLI)


@pytest.mark.integration
def test_the_time_of_transactions_is_tried_out_where_settings_are_not_shown(
    ready: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready.allow("runs", PROGRAMS["runfold-runs"].rights)
    me = ready.sasl("runs")
    wait_until(lambda: refused(me, "runfold-runs") == "")
    # Longer than a broker allows that was told nothing.
    monkeypatch.setattr(limits, "TRANSACTION_MS", 1_000_000)
    assert refused(me, "runfold-runs").startswith(
        "The brokers have a smaller transaction.max.timeout.ms, and a transaction of Runfold"
    )


MODULES = {
    "runs": ("runfold-runs", "runfold.processors.run"),
    "tools": ("runfold-tools", "runfold.processors.tool"),
    "projector": ("runfold-projector", "runfold.projections"),
    "gateway": ("runfold-gateway", "runfold.surfaces.http"),
    "delivery": ("runfold-delivery", "runfold.processors.delivery"),
    "monitor": ("runfold-monitor", "runfold.processors.monitor"),
}
"""Users, each of them one process."""


@pytest.mark.integration
def test_each_process_works_with_its_own_rights_and_no_more(
    ready: Secured, database_url: str, own_home: Path
) -> None:
    mine = replace(ready.settings.at("", database_url), home=own_home)
    for user, (program, _) in MODULES.items():
        ready.allow(user, PROGRAMS[program].rights)
    ready.allow("cli", PROGRAMS[CLI].rights)
    with ExitStack() as running:
        for user, (_, module) in MODULES.items():
            settings = secured_settings(mine, ready.sasl(user))
            running.enter_context(process(settings, user, module))
        context = Context()
        context.settings = context.attached = secured_settings(mine, ready.sasl("cli"))
        running.callback(context.close)
        running.callback(context.engine.dispose)
        wait_until(lambda: all((own_home / f"{user}.ready").exists() for user in MODULES), 240)
        probed(context)
        logs = {user: (own_home / f"{user}.log").read_text() for user in MODULES}
    for user, log in logs.items():
        assert "authorization failed" not in log.lower(), (user, log[-2000:])


@contextmanager
def process(settings: Settings, user: str, module: str) -> Iterator[None]:
    env = {
        **os.environ,
        **settings.to_env(),
        "RUNFOLD_READY_FILE": str(settings.home / f"{user}.ready"),
    }
    with (settings.home / f"{user}.log").open("wb") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", module], env=env, cwd=ROOT, stdout=log, stderr=log
        )
        try:
            yield
        finally:
            started.kill()
            started.wait()
