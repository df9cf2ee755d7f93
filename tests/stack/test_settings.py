from __future__ import annotations

from pathlib import Path

import pytest

from runfold.stack import control
from runfold.stack.errors import StackError
from runfold.stack.settings import Settings


def test_an_empty_environment_means_the_embedded_servers() -> None:
    settings = Settings.from_env({"HOME": "/home/someone"})

    assert (settings.bootstrap_servers, settings.database_url) == ("", "")
    assert settings.partitions == 4


def test_a_cluster_has_more_partitions_than_one_machine() -> None:
    settings = Settings.from_env({"KAFKA_BOOTSTRAP_SERVERS": "kafka:9092"})

    assert settings.partitions == 24


def test_client_settings_are_passed_through_and_those_of_other_programs_are_not() -> None:
    settings = Settings.from_env(
        {
            "KAFKA_BOOTSTRAP_SERVERS": "kafka:9093",
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_PASSWORD": "secret",
            "KAFKA_SSL_CA_LOCATION": "/ca.pem",
            "KAFKA_HEAP_OPTS": "-Xmx1g",
            "KAFKA_LOG_DIRS": "/logs",
        }
    )

    assert settings.producer_config() == {
        "bootstrap.servers": "kafka:9093",
        "security.protocol": "SASL_SSL",
        "sasl.password": "secret",
        "ssl.ca.location": "/ca.pem",
        "partitioner": "murmur2_random",
    }


def test_no_secret_shows_when_settings_are_printed() -> None:
    settings = Settings.from_env(
        {"DATABASE_URL": "postgresql://me:hush@db/x", "KAFKA_SASL_PASSWORD": "hush"}
    )

    assert "hush" not in repr(settings)


def test_a_child_reads_the_same_settings() -> None:
    settings = Settings(
        home=Path("/data"),
        cache=Path("/cache"),
        bootstrap_servers="127.0.0.1:1234",
        database_url="postgresql://u:p@127.0.0.1/d?options=-c%20search_path%3Dagents",
        database_schema="agents",
        schema_registry_url="http://registry",
        partitions=7,
        kafka_options=(("sasl.mechanism", "PLAIN"), ("security.protocol", "SASL_PLAINTEXT")),
        kafka_jvm_options="-Xmx1g",
    )

    assert Settings.from_env(settings.to_env()) == settings


@pytest.mark.parametrize("text", ["0", "many", "-4", "1001", "4.5"])
def test_an_impossible_number_of_partitions_is_refused(text: str) -> None:
    with pytest.raises(StackError, match=r"RUNFOLD_PARTITIONS must be a number from 1 to 1000"):
        Settings.from_env({"RUNFOLD_PARTITIONS": text})


def test_a_client_without_an_address_is_told_what_to_do() -> None:
    with pytest.raises(StackError, match="runfold up"):
        Settings.from_env({}).kafka_config()


def test_who_only_needs_the_log_is_not_asked_for_postgres(tmp_path: Path) -> None:
    settings = Settings.from_env({"RUNFOLD_HOME": str(tmp_path), "KAFKA_BOOTSTRAP_SERVERS": "a:1"})
    assert control.attach_log(settings) == settings
    with pytest.raises(StackError, match=r"tables in Postgres are needed.* DATABASE_URL"):
        control.attach(settings)
    with pytest.raises(StackError, match=r"or set KAFKA_BOOTSTRAP_SERVERS\.$"):
        control.attach_log(Settings.from_env({"RUNFOLD_HOME": str(tmp_path)}))
