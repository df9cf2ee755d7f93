"""How a deployment's name stands in the names of what it has, and that nobody goes past it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Message, Producer, TopicPartition
from hypothesis import assume, given
from hypothesis import strategies as st

from runfold.events.calls.kinds import POOLED
from runfold.events.topics import TOPICS
from runfold.infra.database.address import schema_in
from runfold.infra.deployment.identity import named_otherwise, no_topics
from runfold.infra.deployment.naming import (
    MOST,
    OPTION,
    PLAIN,
    Naming,
    deployment_with,
    naming_of,
    option_of,
)
from runfold.infra.kafka import clients
from runfold.infra.kafka.named import places
from runfold.infra.kafka.named.consumer import NamedConsumer
from runfold.infra.kafka.named.producer import NamedProducer
from runfold.infra.kafka.rights import PROGRAMS
from runfold.infra.settings.config import Config
from runfold.infra.settings.errors import ConfigError
from runfold.infra.settings.kinds import SCHEMA
from runfold.processors.monitor.shell import alert_log, company
from runfold.producers.log.membership import Membership
from runfold.projections.views import VIEWS
from runfold.stack.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDERS = ("events", "infra", "producers", "processors", "projections", "surfaces", "stack")
MADE_HERE = ("infra/kafka/clients.py", "infra/kafka/named/")
CLIENTS = frozenset({"Consumer", "Producer", "AdminClient", "SerializingProducer"})
CLIENTS |= {"DeserializingConsumer", "ShareConsumer"}

names = st.from_regex(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?", fullmatch=True)
LONGEST = "a" * MOST


def naming(name: str) -> Naming:
    try:
        return Naming(name)
    except ValueError:
        assume(False)
        raise


@pytest.mark.parametrize("name", ["a", "prod", "prod-2", "a-b-c", "x9", LONGEST, ""])
def test_these_are_names(name: str) -> None:
    assert Naming(name).deployment == name
    assert Config.from_env({"KAFKA_BOOTSTRAP_SERVERS": "h:1", "RUNFOLD_DEPLOYMENT": name})


@pytest.mark.parametrize(
    "name",
    ["A", "9a", "-a", "a-", "a_b", "a.b", "a b", "é", "a\n", "a" * (MOST + 1), "runs", "runfold"],
)
def test_these_are_none(name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Naming(name)
    if name.strip() != name:
        return  # An environment's spaces are not the name's.
    with pytest.raises(ConfigError, match=f"RUNFOLD_DEPLOYMENT must be at most {MOST} lower-case"):
        Config.from_env({"KAFKA_BOOTSTRAP_SERVERS": "h:1", "RUNFOLD_DEPLOYMENT": name})


def test_without_a_name_all_is_as_it_was() -> None:
    for topic in TOPICS:
        assert PLAIN.full(topic.name) == PLAIN.plain(topic.name) == topic.name
    assert PLAIN.schema == "runfold"
    env = {"KAFKA_BOOTSTRAP_SERVERS": "h:1", "DATABASE_URL": "postgresql://h/d"}
    config = Config.from_env(env)
    assert OPTION not in config.kafka
    assert schema_in(config.database_url) == "runfold"
    settings = Settings.from_env(env)
    assert OPTION not in settings.kafka_config()
    assert "RUNFOLD_DEPLOYMENT" not in settings.to_env()


def test_a_name_stands_in_everything_that_is_shared() -> None:
    env = {"KAFKA_BOOTSTRAP_SERVERS": "h:1", "DATABASE_URL": "postgresql://h/d"}
    env["RUNFOLD_DEPLOYMENT"] = "prod-a"
    config, settings = Config.from_env(env), Settings.from_env(env)
    for kafka in (config.kafka, settings.kafka_config(), settings.producer_config()):
        assert naming_of(kafka) == Naming("prod-a")
    assert schema_in(config.database_url) == schema_in(settings.database_url) == "runfold_prod_a"
    assert Settings.from_env({**env, **settings.to_env()}).deployment == "prod-a"
    own = Config.from_env({**env, "RUNFOLD_DATABASE_SCHEMA": "agents"})
    assert schema_in(own.database_url) == "agents"
    asked = {**option_of("prod-a"), "group.id": "runfold-runs-positions", "acks": "all"}
    asked["transactional.id"] = "runfold-runs-3"
    found, settings_of = clients._split(asked, None)
    assert found.deployment == "prod-a"
    assert settings_of == {
        "group.id": "prod-a.runfold-runs-positions",
        "transactional.id": "prod-a.runfold-runs-3",
        "acks": "all",
        "client.id": "runfold-prod-a",
    }
    assert clients._split({"group.id": "g"}, None)[1] == {"group.id": "g"}
    assert clients._split({**asked, "client.id": "mine"}, None)[1]["client.id"] == "mine"


def test_the_longest_name_fits_kafka_and_postgres() -> None:
    longest = Naming(LONGEST)
    for plain in (*(topic.name for topic in TOPICS), *(kind.group for kind in POOLED)):
        assert len(longest.full(plain)) <= 249
    assert SCHEMA.parse(longest.schema) == longest.schema
    # Where a rebuild makes its copy (ADR 25).
    for view in VIEWS.values():
        assert len(f"{longest.schema}$rebuild_{view.name}") <= 63
    with pytest.raises(ValueError, match="has 250 characters, and Kafka takes 249"):
        Naming("a").full("t" * 248)


def test_no_deployment_is_called_as_names_of_ours_begin() -> None:
    groups = {kind.group for kind in POOLED} | {company.GROUP, alert_log.TRANSACTIONAL_ID}
    granted = {right.name for program in PROGRAMS.values() for right in program.rights}
    for plain in {topic.name for topic in TOPICS} | groups | granted:
        first = plain.partition(".")[0].partition("-")[0]
        with pytest.raises(ValueError, match=first):
            Naming(first)


@given(names, names, st.sampled_from([topic.name for topic in TOPICS]))
def test_no_two_deployments_have_a_name_in_common(one: str, other: str, topic: str) -> None:
    first, second = naming(one), naming(other)
    full = first.full(topic)
    assert first.holds(full)
    assert first.plain(full) == topic
    assert deployment_with(full, topic) == one
    assert full not in {each.name for each in TOPICS}
    assert (first.schema == second.schema) == (one == other)
    assert second.holds(full) == (one == other)
    if one != other:
        assert second.plain(full) == full


def test_whose_a_topic_is() -> None:
    assert deployment_with("runs.events", "runs.events") == ""
    assert deployment_with("b.runs.events", "runs.events") == "b"
    for strange in ("runs.completions", "x.y.runs.events", "B.runs.events", ".runs.events"):
        assert deployment_with(strange, "runs.events") is None


def test_the_sentences_say_what_to_set() -> None:
    assert "set RUNFOLD_DEPLOYMENT=b" in named_otherwise("b", "a")
    assert "started as the deployment a" in named_otherwise("b", "a")
    assert "unset RUNFOLD_DEPLOYMENT" in named_otherwise("", "a")
    assert "(those named a, c and the one without a name)" in no_topics("b", ["c", "a", ""])
    assert "The deployment without a name has no topics" in no_topics("", ["a"])


def test_places_keep_all_but_their_names() -> None:
    mine = Naming("a")
    found = places.full(mine, TopicPartition("runs.events", 3, 7, "id", 5))
    assert (found.topic, found.partition, found.offset) == ("a.runs.events", 3, 7)
    assert (found.metadata, found.leader_epoch) == ("id", 5)
    again = places.plain(mine, found)
    assert (again.topic, again.offset, again.metadata, again.error) == (
        "runs.events",
        7,
        "id",
        None,
    )
    bare = places.full(mine, TopicPartition("runs.events", 3))
    assert (bare.offset, bare.metadata) == (TopicPartition("x").offset, None)
    message = places.plain_message(mine, Message(topic="a.runs.events", value=b"x"))
    assert message.topic() == "runs.events"
    assert places.plain_message(mine, Message(error=None)).topic() is None


def test_a_client_made_elsewhere_does_not_start_with_a_name() -> None:
    kafka = {"bootstrap.servers": "127.0.0.1:1", **option_of("a")}
    with pytest.raises(KafkaException, match=OPTION):
        Producer(kafka)
    assert isinstance(clients.producer(kafka), NamedProducer)
    member = Membership("runfold-tools", "tool.calls").settings()
    assert isinstance(clients.consumer({**kafka, **member}), NamedConsumer)
    assert clients.admin(kafka).naming == Naming("a")


def made(file: Path) -> Iterator[str]:
    """Yield the clients of Kafka that a module takes from confluent-kafka itself."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("confluent_kafka"):
            yield from (each.name for each in node.names if each.name in {*CLIENTS, "*"})
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names if "confluent_kafka" in each.name)


def test_every_client_is_made_by_the_module_that_knows_the_name() -> None:
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")]
    files += [
        *(ROOT / "src" / "runfold").glob("*.py"),
        *(ROOT / "src/runfold/testing").glob("*.py"),
    ]
    past = {
        str(file.relative_to(ROOT)): found
        for file in files
        if not str(file.relative_to(ROOT)).startswith(MADE_HERE) and (found := list(made(file)))
    }
    assert past == {}
    assert list(made(ROOT / MADE_HERE[0])) == ["Consumer", "Producer"]


def test_what_speaks_of_names_is_turned() -> None:
    """Methods of the client's that nobody turned are those that name nothing, or are not used."""
    nameless = {"close", "unassign", "unsubscribe", "memberid", "cluster_id", "flush", "purge"}
    nameless |= {"set_sasl_credentials", "poll", "init_transactions", "begin_transaction"}
    nameless |= {"commit_transaction", "abort_transaction", "consumer_group_metadata"}
    unused = {"store_offsets", "produce_batch", "send_offsets_to_transaction"}
    for kind in (NamedConsumer, NamedProducer):
        public = {name for name in dir(kind) if not name.startswith("_")}
        assert public - set(vars(kind)) - nameless <= unused
    for file in (file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.Attribute) and node.attr in unused), file
