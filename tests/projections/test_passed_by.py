"""What an older projector could not read and went on from is named once its release knows it."""

from __future__ import annotations

import threading

import pytest

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.errors import WireError
from runfold.projections import schema
from runfold.projections.passed_by import PassedBy, passed_by
from runfold.projections.queries import OperatorViews
from runfold.projections.store.projector import Projector, ProjectorConfig
from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.rebuild import rebuild
from runfold.projections.views import VIEWS
from runfold.stack.settings import Settings
from tests.projections.running import PARTITIONS, ask, projector, wait_caught_up
from tests.support import journal
from tests.support.builders.history import CODEC
from tests.support.builders.seeded import history
from tests.support.stack import wait_until

pytestmark = pytest.mark.integration


class OlderRegistry(LockRegistry):
    """The schemas of a release before the one that made a schema."""

    def __init__(self, unknown: int) -> None:
        super().__init__()
        self._unknown = unknown

    def schema_of(self, schema_id: int) -> str:
        if schema_id == self._unknown:
            raise WireError("unknown_schema", f"No schema has the id {schema_id}.")
        return super().schema_of(schema_id)


def found(settings: Settings, codec: Codec = CODEC) -> PassedBy | None:
    database = schema.engine(settings.database_url)
    try:
        with database.connect() as connection:
            return passed_by(OperatorViews(connection, "a test"), codec)
    finally:
        database.dispose()


def project(settings: Settings, codec: Codec) -> None:
    """Let a projector of a release come to the end of the journal."""
    schema.ensure(settings.database_url)
    reader = ReaderConfig(settings.kafka_config())
    config = ProjectorConfig(reader, settings.database_url, tuple(range(PARTITIONS)), "older")
    older = Projector(config, codec)
    thread = threading.Thread(target=older.run)
    thread.start()
    try:
        wait_caught_up(settings)
    finally:
        older.stop()
        thread.join()


def test_records_that_an_older_projector_passed_by_are_named_until_views_are_folded_again(
    settings: Settings,
) -> None:
    runs = [history(number) for number in range(6)]
    journal.write(settings.bootstrap_servers, runs)
    journal.put(settings.bootstrap_servers, topics.EVENTS, 1, b"\0\xff\xff\xff\xff123")
    unknown = int.from_bytes(runs[0].values[2][1:5], "big")
    of_it = [run for run in runs for value in run.values if int.from_bytes(value[1:5]) == unknown]
    older = Codec(OlderRegistry(unknown))
    project(settings, older)
    # As long as nobody knows better there is nothing to say.
    assert found(settings, older) is None
    passed = PassedBy(len(of_it), len({run.run_id for run in of_it}))
    assert found(settings) == passed
    log = settings.home / "projector.log"
    with projector(settings):
        wait_until(lambda: "can: `runfold rebuild`" in log.read_text())
        assert str(passed) in log.read_text()
        for view in VIEWS:
            reader = ReaderConfig(settings.kafka_config())
            rebuild(view, settings.database_url, reader, CODEC)
    assert found(settings) is None
    assert ask(settings, "SELECT count(*) FROM dead_letters") == [(1,)]
    assert ask(settings, "SELECT * FROM audit WHERE NOT chain_ok") == []
