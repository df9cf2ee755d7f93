"""The definition store in Postgres: versions, decisions, and what holds for each version."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from runfold.events import topics
from runfold.events.definitions import LiveRuns, StoreRecord
from runfold.producers.log.kafka import Publisher
from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.rebuild import compare, rebuild
from runfold.projections.tables import definition_decisions, definition_versions
from runfold.projections.view import Batch, Rows, Stored
from runfold.projections.views import VIEWS
from runfold.stack.settings import Settings
from tests.definitions.governing import aliased, published, released, retired, withdrawn
from tests.projections.running import ask, projector
from tests.support.builders.history import CODEC
from tests.support.stack import wait_until

VIEW = VIEWS["definitions"]

SAID: tuple[StoreRecord, ...] = (
    published("1.0.0"),
    published("1.1.0"),
    published("1.0.0", said="other"),
    published("2.0.0", "acme"),
    released("1.0.0"),
    released("1.1.0"),
    retired("1.0.0"),
    retired("1.0.0", retired=False),
    withdrawn("2.0.0", LiveRuns.REFUSE, tenant="acme"),
    aliased("files", "filing@1.0.0"),
)


def batch(*records: StoreRecord, at: int = 0) -> Batch:
    return Batch(stored=[Stored(record, 0, at + n) for n, record in enumerate(records)])


def rows(*records: StoreRecord) -> dict[str, list[dict[str, Any]]]:
    merged = VIEW.fold(batch(*records)).merged
    return {table.name: found for table, found in merged.items()}


def test_the_first_record_of_a_version_holds() -> None:
    found = rows(*SAID)["definition_versions"]
    assert [(row["version"], row["tenant"], row["position"]) for row in found] == [
        ("1.0.0", "", 0),
        ("1.1.0", "", 1),
        ("2.0.0", "acme", 3),
    ]


def test_every_decision_is_a_row() -> None:
    found = rows(*SAID)["definition_decisions"]
    assert [(row["action"], row["target"], row["tenant"], row["live_runs"]) for row in found] == [
        ("released", "1.0.0", "", None),
        ("released", "1.1.0", "", None),
        ("retired", "1.0.0", "", None),
        ("restored", "1.0.0", "", None),
        ("withdrawn", "2.0.0", "acme", "refuse"),
        ("aliased", "filing@1.0.0", "", None),
    ]


def test_a_body_that_is_not_what_its_record_says_is_no_row() -> None:
    forged = published("1.0.0").model_copy(update={"digest": b"0" * 32})
    assert rows(forged)["definition_versions"] == []


def test_two_batches_make_what_one_makes() -> None:
    together = Rows()
    VIEW.add(batch(*SAID[:4]), together)
    VIEW.add(batch(*SAID[4:], at=4), together)
    one = VIEW.fold(batch(*SAID))
    for table in (definition_versions, definition_decisions):
        assert together.merged[table] == one.merged[table]


@pytest.mark.integration
def test_postgres_says_what_holds_for_each_version(settings: Settings) -> None:
    writer = Publisher(settings.producer_config(), CODEC)
    for number, record in enumerate(SAID):
        writer.publish(topics.REGISTRY, record, f"key-{number}")

    def there() -> bool:
        try:
            return ask(settings, "SELECT count(*) FROM definition_decisions") == [(6,)]
        except psycopg.Error:
            return False

    columns = "name, version, tenant, state, released, by, position"
    with projector(settings):
        wait_until(there, 60)
        assert ask(settings, f"SELECT {columns} FROM definitions ORDER BY position") == [
            ("filing", "1.0.0", None, "active", False, "ann", 0),
            ("filing", "1.1.0", None, "active", True, "ann", 1),
            ("filing", "2.0.0", "acme", "withdrawn", False, "ann", 3),
        ]
        reader = ReaderConfig(settings.kafka_config())
        assert compare("definitions", settings.database_url, reader, CODEC).rows == 0
        rebuild("definitions", settings.database_url, reader, CODEC)
        assert ask(settings, "SELECT count(*) FROM definitions WHERE released") == [(1,)]
