"""The database may be a pair of which one takes writes: DATABASE_URL then names both hosts."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from runfold.processors.tool.claims.port import Verdict
from runfold.processors.tool.claims.postgres import PostgresClaims
from runfold.projections import schema
from runfold.projections.store.store import Store
from runfold.projections.views import VIEWS
from runfold.stack import ports
from tests.tool.claims.owners import REQUEST

pytestmark = pytest.mark.integration


@pytest.fixture
def either(database_url: str) -> str:
    """The address of a database behind a host that does not answer."""
    there = urlsplit(database_url)
    head, _, host = there.netloc.rpartition("@")
    dead = next(port for port in range(15_000, 32_000) if ports.is_free(port))
    hosts = f"{head}@127.0.0.1:{dead},{host}"
    return there._replace(netloc=hosts, query="target_session_attrs=read-write").geturl()


def test_the_tables_are_made_on_the_host_that_answers(either: str) -> None:
    schema.ensure(either)
    engine = schema.engine(either)
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM runs").scalar_one()
    engine.dispose()
    assert found == 0


def test_the_projector_takes_its_positions_there(either: str) -> None:
    schema.ensure(either)
    with Store(either, list(VIEWS.values()), [0], "test") as store:
        store.open()
        assert {held.next_offset for held in store.held.values()} == {0}


def test_claims_are_kept_there(either: str) -> None:
    async def script() -> tuple[Verdict, Verdict]:
        async with PostgresClaims(either) as first, PostgresClaims(either) as second:
            return (await first.claim(REQUEST)).verdict, (await second.claim(REQUEST)).verdict

    assert asyncio.run(script()) == (Verdict.RUN, Verdict.BUSY)
