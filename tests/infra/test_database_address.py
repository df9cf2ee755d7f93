"""The schema of Runfold's tables, in the address of the database."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from runfold.infra.database.address import (
    DatabaseAddressError,
    in_schema,
    schema_in,
    schema_name,
)
from runfold.infra.settings.config import Config, ConfigError
from runfold.stack.errors import StackError
from runfold.stack.settings import Settings

ADDRESSES = [
    "postgresql://u:p%40ss@h:1/db",
    "postgresql://one,two/db?target_session_attrs=read-write",
    "postgresql://h/db?options=-c%20statement_timeout%3D5000",
    "host=h dbname=db",
    "host=h options='-c statement_timeout=5000'",
    "postgresql://h/db?options=--statement_timeout%3D5000",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_schema_is_added_and_everything_else_stays(address: str) -> None:
    made = in_schema(address, "agents")
    assert schema_in(made) == "agents"
    before, after = conninfo_to_dict(address), conninfo_to_dict(made)
    given = str(before.pop("options", ""))
    assert str(after.pop("options")).startswith(given)
    assert after == before
    assert in_schema(made, "another") == made


@pytest.mark.parametrize(
    "options", ["-c search_path=mine", "-csearch_path=mine,public", "--search_path=mine"]
)
def test_a_schema_that_the_address_names_is_kept(options: str) -> None:
    address = f"host=h options='{options}'"
    assert in_schema(address, "agents") == address
    assert schema_in(address) == "mine"


def test_an_empty_address_stays_empty() -> None:
    assert in_schema("", "agents") == ""


@pytest.mark.parametrize(
    "name", ["Agents", "1st", "a-b", 'a"b', "a b", "pg_mine", "information_schema", "x" * 41, "ä"]
)
def test_a_schema_with_a_bad_name_is_refused_by_every_reader(name: str) -> None:
    env = {"RUNFOLD_DATABASE_SCHEMA": name, "KAFKA_BOOTSTRAP_SERVERS": "h:1"}
    with pytest.raises(DatabaseAddressError, match="RUNFOLD_DATABASE_SCHEMA must be"):
        schema_name(env)
    with pytest.raises(ConfigError, match="RUNFOLD_DATABASE_SCHEMA must be"):
        Config.from_env(env)
    with pytest.raises(StackError, match="RUNFOLD_DATABASE_SCHEMA must be"):
        Settings.from_env(env)


def test_an_address_that_cannot_be_read_is_refused_without_repeating_it() -> None:
    env = {"DATABASE_URL": "postgresql://u:s3cret@[h/", "KAFKA_BOOTSTRAP_SERVERS": "h:1"}
    with pytest.raises(ConfigError, match="DATABASE_URL cannot be read") as told:
        Config.from_env(env)
    assert "s3cret" not in str(told.value)


def test_the_schema_reaches_child_processes() -> None:
    settings = Settings.from_env({"RUNFOLD_DATABASE_SCHEMA": "agents", "RUNFOLD_HOME": "/h"})
    there = settings.at("h:1", "postgresql://h/db")
    child = Config.from_env(there.to_env())
    assert schema_in(child.database_url) == "agents"
    assert child.database_url == there.database_url
