"""Two named deployments share one Kafka and one database, and nothing of theirs meets."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from prometheus_client.parser import text_string_to_metric_families

import runfold
from runfold.events.topics import EVENTS, TOPICS
from runfold.infra.deployment import database, journal
from runfold.infra.deployment.naming import Naming
from runfold.infra.process.exit_codes import ExitCode
from runfold.stack import control
from runfold.stack.errors import StackError
from runfold.stack.home import Home
from runfold.stack.processes.process import started_at
from runfold.stack.settings import Settings
from runfold.stack.supervisor import state
from tests.support.stack import Servers, temporary_home, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

ROOT = Path(__file__).parents[3]
PREPARE = "runfold.stack.prepare"
CLI = "runfold.surfaces.cli"
HELLO = ROOT / "examples" / "hello"


def ran(settings: Settings, *module: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program that should end by itself."""
    return subprocess.run(
        [sys.executable, "-m", *module],
        env={**os.environ, **settings.to_env(), "RUNFOLD_LOG_LEVEL": "ERROR", **more},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def said(ended: subprocess.CompletedProcess[str]) -> str:
    return " ".join((ended.stdout + ended.stderr).split())


def named(servers: Servers, database_url: str, home: Path, name: str) -> Settings:
    """The settings of a deployment as its environment names it; "" is one without a name."""
    return Settings.from_env(
        {
            "KAFKA_BOOTSTRAP_SERVERS": servers.bootstrap_servers,
            # Without the schema that the tests' own address names.
            "DATABASE_URL": urlsplit(database_url)._replace(query="").geturl(),
            "RUNFOLD_HOME": str(home),
            "RUNFOLD_DEPLOYMENT": name,
            "RUNFOLD_PARTITIONS": "2",
        }
    )


@pytest.fixture
def two(servers: Servers, database_url: str) -> Iterator[tuple[Settings, Settings]]:
    """Two deployments with homes and names of their own; all else is the same."""
    with ExitStack() as stack:
        homes = [stack.enter_context(temporary_home()) for _ in range(2)]
        names = ("one-a", "two")
        one, two = (named(servers, database_url, *each) for each in zip(homes, names, strict=True))
        yield one, two
        admin = client(one)
        ours = [Naming(name).full(topic.name) for name in names for topic in TOPICS]
        if there := set(admin.list_topics(timeout=10).topics) & set(ours):
            for future in admin.delete_topics(list(there), operation_timeout=20).values():
                future.result()


def client(settings: Settings) -> AdminClient:
    """A client that knows no names."""
    return AdminClient({"bootstrap.servers": settings.bootstrap_servers})


def runs_of(settings: Settings) -> set[str]:
    with psycopg.connect(settings.database_url) as connection:
        rows = connection.execute("SELECT run_id FROM runs WHERE agent = 'hello'").fetchall()
    return {str(run_id) for (run_id,) in rows}


def positions_of(settings: Settings) -> set[str]:
    with psycopg.connect(settings.database_url) as connection:
        rows = connection.execute("SELECT DISTINCT topic FROM projection_positions").fetchall()
    assert rows
    return {str(topic) for (topic,) in rows}


def completed(settings: Settings, count: int) -> set[str]:
    """Ask for runs as a client does, and return their ids once they have completed."""
    found = set()
    with runfold.connect(settings.bootstrap_servers, deployment=settings.deployment) as connected:
        for _ in range(count):
            run = connected.run("Say hello", "hello")
            assert run.wait(60).exit_code == 0
            found.add(run.id)
    return found


def transactional_ids(settings: Settings) -> set[str]:
    """What the broker knows of producers: the keys of its topic of transactions."""
    known = client(settings).list_topics(timeout=10).topics.get("__transaction_state")
    if known is None:
        return set()
    options = {"bootstrap.servers": settings.bootstrap_servers, "group.id": "test-transactions"}
    options |= {"enable.partition.eof": True, "auto.offset.reset": "earliest"}
    options |= {"enable.auto.commit": False}
    found, left = set(), set(known.partitions)
    with closing(Consumer(options)) as consumer:
        consumer.assign([TopicPartition("__transaction_state", number, 0) for number in left])
        while left:
            message = consumer.poll(30)
            assert message is not None
            if message.error() is not None:
                left.discard(message.partition())
            elif key := message.key():
                # Two bytes of a version, two of a length, the id.
                found.add(key[4:].decode())
    return found


def fenced(member: state.MemberState) -> float:
    """How often lanes of a run processor were taken over by another, as it counts them itself."""
    address = f"http://{member.metrics_address or '127.0.0.1'}:{member.metrics_port}/metrics"
    with urlopen(address, timeout=30) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        (counted,) = (each for each in families if each.name == "runfold_lane_fenced")
    return sum(each.value for each in counted.samples if each.name.endswith("_total"))


def groups(settings: Settings) -> set[str]:
    listed = client(settings).list_consumer_groups(request_timeout=10).result()
    return {each.group_id for each in listed.valid}


def test_two_deployments_share_a_broker_and_a_database(two: tuple[Settings, Settings]) -> None:
    one, other = two
    before = groups(one) | transactional_ids(one)
    try:
        for each in two:
            up = ran(each, CLI, "up")
            assert up.returncode == 0, said(up)
            assert "a run completed" in up.stdout
            assert f"Name {each.deployment}" in said(up)
            assert ran(each, CLI, "apply", "-f", str(HELLO)).returncode == 0
        mine, theirs = completed(one, 3), completed(other, 2)
        mine |= completed(one, 1)
        for settings, runs in ((one, mine), (other, theirs)):
            wait_until(lambda settings=settings, runs=runs: runs_of(settings) >= runs, 60)
            assert runs_of(settings) == runs
            # What is on record has the names of the documentation.
            assert positions_of(settings) <= {topic.name for topic in TOPICS}
        # Nobody was fenced, nobody began again.
        for settings in two:
            known = control.status(settings)
            assert known is not None
            assert {each.name: each.restarts for each in known.members if each.restarts} == {}
            assert {each.state for each in known.members} <= {"running", "done"}
            (runs,) = (each for each in known.members if each.name == "runs")
            assert fenced(runs) == 0
        made = (groups(one) | transactional_ids(one)) - before
        assert {name.partition(".")[0] for name in made} == {"one-a", "two"}
        assert {f"{each.deployment}.runfold-runs-0" for each in two} <= made
        shown = said(ran(one, CLI, "topics"))
        assert "one-a.runs.events" in shown
        assert "two.runs.events" not in shown
        assert "Name one-a" in said(ran(one, CLI, "status"))
        doctor = ran(one, CLI, "doctor")
        assert doctor.returncode == 0, said(doctor)
    finally:
        for each in two:
            ran(each, CLI, "down")


def test_a_name_that_does_not_fit_the_database_is_refused(
    two: tuple[Settings, Settings],
) -> None:
    one, other = two
    for each in two:
        assert ran(each, PREPARE).returncode == ExitCode.TOLD_TO_END
    bound = database.binding_of(one.database_url)
    assert bound is not None
    assert journal.journals(one.kafka_config())["one-a"] == bound.topic_id
    wrong = {"DATABASE_URL": other.database_url, "RUNFOLD_DATABASE_SCHEMA": "runfold_two"}
    for module in (PREPARE, "runfold.projections", "runfold.processors.run"):
        ended = ran(one, module, **wrong)
        assert ended.returncode == ExitCode.WRONG_SETTINGS, ended.stderr
        assert "belongs to the deployment two on this Kafka" in ended.stderr
        assert "set RUNFOLD_DEPLOYMENT=two" in ended.stderr
        assert "Traceback" not in ended.stderr
    doctor = said(ran(one, CLI, "doctor", **wrong))
    assert "set RUNFOLD_DEPLOYMENT=two" in doctor


def test_a_name_without_topics_is_refused(two: tuple[Settings, Settings], servers: Servers) -> None:
    one, other = two
    assert ran(one, PREPARE).returncode == ExitCode.TOLD_TO_END
    for module in ("runfold.processors.run", "runfold.processors.monitor"):
        ended = ran(other, module, DATABASE_URL="")
        assert ended.returncode == ExitCode.WRONG_SETTINGS, ended.stderr
        assert "The deployment two has no topics on this Kafka" in ended.stderr
        assert "one-a" in ended.stderr
    refused = ran(other, CLI, "run", "Say hello")
    assert refused.returncode != 0
    assert "has no topics on this Kafka" in said(refused)
    # Nothing was made under that name.
    assert not [t for t in client(other).list_topics(timeout=10).topics if t.startswith("two.")]
    with pytest.raises(runfold.UnavailableError, match="has no topics on this Kafka"):
        runfold.connect(servers.bootstrap_servers, deployment="two")
    assert EVENTS in Naming("two").full(EVENTS)


def test_the_name_is_that_of_the_stack_that_runs_here(two: tuple[Settings, Settings]) -> None:
    """Not started: what a command finds in the home."""
    one, _ = two
    home = Home(one.home)
    home.prepare()
    known = state.State(
        phase=state.READY,
        pid=os.getpid(),
        started=started_at(os.getpid()),
        since=0.0,
        bootstrap_servers=one.bootstrap_servers,
        database_url=one.database_url,
        partitions=2,
        deployment=one.deployment,
    )
    state.write(home.run / "state.json", known)
    bare = Settings.from_env({"RUNFOLD_HOME": str(one.home)})
    attached = control.attach(bare)
    assert (attached.deployment, attached.database_schema) == ("one-a", "runfold_one_a")
    wrong = Settings.from_env({"RUNFOLD_HOME": str(one.home), "RUNFOLD_DEPLOYMENT": "two"})
    with pytest.raises(StackError, match="set RUNFOLD_DEPLOYMENT=one-a"):
        control.attach(wrong)
