"""Kafka Connect carries runs.summaries into a table of somebody else's, without a line of code."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.definitions import TenantErased
from runfold.producers.schema_registry.confluent import ConfluentRegistry, publish
from runfold.stack.errors import StackError
from runfold.stack.settings import Settings
from tests.projections.running import ask, projector
from tests.support import apicurio, journal
from tests.support.builders.seeded import history
from tests.support.stack import wait_until
from tests.system.foreign import connect

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

COLUMNS = (
    "run_id, tenant_id, agent, status, seq, created_at, exit_status, exit_code, cost_usd,"
    " model_calls, input_tokens"
)
SAME = f"""
    SELECT {COLUMNS.replace("created_at", "date_trunc('milliseconds', created_at)")} FROM runs
    EXCEPT SELECT {COLUMNS.replace("created_at", "created_at AT TIME ZONE 'UTC'")} FROM lists.runs
"""


@pytest.fixture(scope="module")
def there() -> connect.Installed:
    try:
        apicurio.installed()
        return connect.installed()
    except StackError as error:
        pytest.skip(f"Kafka Connect cannot be fetched from Maven: {error}")


def test_a_sink_keeps_a_table_of_all_runs(
    there: connect.Installed, settings: Settings, tmp_path: Path
) -> None:
    runs = [history(number) for number in range(6)]
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("CREATE SCHEMA lists")
    with apicurio.registry() as url, closing(ConfluentRegistry(url)) as registry:
        own, codec = replace(settings, schema_registry_url=url), Codec(registry)
        publish(url)
        for run in runs:
            for event in run.events:
                value = codec.encode_event(event.meta, event.fact)
                journal.put(own.bootstrap_servers, topics.EVENTS, run.partition, value)
        with projector(own), connect.worker(there, own, tmp_path, _shared(url), _sink(own)) as at:
            wait_until(lambda: at.poll() is not None or _count(own) == len(runs), 120)
            log = (tmp_path / "connect.log").read_text()
            assert at.poll() is None, log[-3000:]
            assert ask(own, SAME) == []
            # What changes is changed, and what is taken away is deleted.
            journal.put(
                own.bootstrap_servers, topics.REGISTRY, 0, _erasure(codec, runs[0].tenant_id), b"e"
            )
            left = sum(run.tenant_id != runs[0].tenant_id for run in runs)
            assert left < len(runs)
            wait_until(lambda: _count(own) == left, 60)
    assert not re.search("ERROR.*WorkerSinkTask", (tmp_path / "connect.log").read_text())


def _count(settings: Settings) -> int:
    if ask(settings, "SELECT to_regclass('lists.runs') IS NULL") == [(True,)]:
        return -1
    return int(ask(settings, "SELECT count(*) FROM lists.runs")[0][0])


def _erasure(codec: Codec, tenant: str) -> bytes:
    record = TenantErased(
        tenant=tenant, key_ids=(), wrapped_by=(), reason="asked", decided_at=datetime.now(UTC),
        decided_by="ada",
    )  # fmt: skip
    return codec.encode(topics.REGISTRY, record)


def _shared(url: str) -> dict[str, str]:
    return {
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "io.apicurio.registry.utils.converter.AvroConverter",
        "value.converter.apicurio.registry.url": url.replace(
            "/apis/ccompat/v7", "/apis/registry/v2"
        ),
        "value.converter.apicurio.registry.as-confluent": "true",
        "value.converter.apicurio.registry.use-id": "contentId",
        "value.converter.apicurio.registry.id-handler": (
            "io.apicurio.registry.serde.Legacy4ByteIdHandler"
        ),
    }


def _sink(settings: Settings) -> dict[str, str]:
    into = conninfo_to_dict(settings.database_url)
    return {
        "name": "runs",
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "topics": topics.SUMMARIES,
        "connection.url": f"jdbc:postgresql://{into['host']}:{into['port']}/{into['dbname']}",
        "connection.username": str(into["user"]),
        "connection.password": str(into["password"]),
        "collection.name.format": "lists.runs",
        "insert.mode": "upsert",
        "delete.enabled": "true",
        "primary.key.mode": "record_key",
        "primary.key.fields": "run_id",
        # The key is a plain text; this sink takes one only as a record.
        "transforms": "key",
        "transforms.key.type": "org.apache.kafka.connect.transforms.HoistField$Key",
        "transforms.key.field": "run_id",
        "schema.evolution": "basic",
    }
