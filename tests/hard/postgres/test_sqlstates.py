"""Whatever Postgres refuses, at whichever statement: nothing stops for good, nothing is doubled.

A proxy has the server raise an error of each class at the n-th statement. ``SQLSTATE_SEED`` says
from which seed the places are drawn.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from runfold.processors.tool.claims.port import Verdict
from runfold.processors.tool.claims.postgres import PostgresClaims
from runfold.processors.tool.errors import ClaimsUnavailableError, ToolRefusedError
from runfold.projections import schema
from runfold.projections.store.projector import Projector, ProjectorConfig
from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.rebuild import compare
from runfold.projections.views import VIEWS
from runfold.stack.settings import Settings
from tests.projections.running import PARTITIONS, ask, caught_up
from tests.support import journal
from tests.support.builders.history import CODEC
from tests.support.builders.seeded import history
from tests.support.refusing import Refuses, Refusing, refusing
from tests.support.stack import wait_until
from tests.tool.claims.owners import REQUEST, RESULT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

SEED = int(os.environ.get("SQLSTATE_SEED", "1"))
PATIENCE_S = 120.0

PASSING = (
    "08006", "28000", "40001", "40P01", "25006", "25P02", "53100", "53200", "53300", "55P03",
    "57014", "57P01", "57P02", "57P03", "58030", "F0001", "XX001",
)  # fmt: skip
"""Of the server and the moment: what was to be written is written later."""

OF_THE_ROW = (
    "09000", "0A000", "21000", "22003", "22021", "22P05", "23502", "23505", "23514", "27000",
    "2F000", "38000", "39000", "44000", "54000", "P0001", "XX000",
)  # fmt: skip
"""Of what was sent, or of what people have put over the tables: set aside where it goes on."""

OF_THE_TABLES = (
    "24000",
    "26000",
    "2B000",
    "34000",
    "3D000",
    "3F000",
    "42501",
    "42703",
    "42804",
    "42P01",
)
"""Of the tables or of a bug: said, and tried again, since somebody may mend it."""

KNOWN = {Verdict.ANSWERED.value, Verdict.UNCERTAIN.value}
"""What a claim says in the end, whatever was refused meanwhile."""


def place_of(state: str, most: int) -> int:
    found = random.Random(f"{SEED}/{state}").randint(1, most)
    print(f"seed {SEED}: {state} at statement {found}")
    return found


def _is_of_approvals(said: str) -> bool:
    return "COPY approvals " in said or "MERGE INTO approvals " in said


def approvals_with(state: str) -> Refuses:
    """Refuse every row of approvals."""
    return lambda _number, said: state if _is_of_approvals(said) else None


@contextmanager
def projecting(settings: Settings, url: str) -> Iterator[threading.Thread]:
    """A projector through an address; it is alive as long as nothing has stopped it for good."""
    config = ProjectorConfig(
        ReaderConfig(settings.kafka_config()),
        url,
        tuple(range(PARTITIONS)),
        "test",
        longest_pause_s=0.2,
    )
    made = Projector(config, CODEC)
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        made.stop()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def wait_for_views(settings: Settings, thread: threading.Thread, what: str) -> None:
    def done() -> bool:
        assert thread.is_alive(), f"{what} stopped the projector for good"
        return caught_up(settings, "dead_letters") and caught_up(settings)

    wait_until(done, PATIENCE_S)


def differences(settings: Settings) -> dict[str, int]:
    reader = ReaderConfig(settings.kafka_config())
    found = {n: compare(n, settings.database_url, reader, CODEC).rows for n in VIEWS}
    return {name: rows for name, rows in found.items() if rows}


@pytest.mark.parametrize(
    "states",
    [PASSING, OF_THE_ROW, OF_THE_TABLES],
    ids=["passing", "of the row", "of the tables"],
)
def test_views_are_whole_after_a_refusal_of_each_class_at_any_statement(
    settings: Settings, states: tuple[str, ...]
) -> None:
    schema.ensure(settings.database_url)
    runs = iter(range(1000))
    with (
        refusing(settings.database_url) as proxy,
        projecting(settings, proxy.url) as thread,
    ):
        journal.write(settings.bootstrap_servers, [history(next(runs))])
        wait_for_views(settings, thread, "nothing")
        for state in states:
            proxy.once(state, place_of(state, 25))
            while not proxy.refused:
                journal.write(settings.bootstrap_servers, [history(next(runs))])
                wait_for_views(settings, thread, f"{state} at {proxy.refused}")
    assert differences(settings) == {}
    assert ask(settings, "SELECT * FROM projection_failures") == []
    assert ask(settings, "SELECT count(*) FROM runs") == [(next(runs),)]


def test_what_is_refused_at_every_attempt_is_set_aside_and_the_views_go_on(
    settings: Settings,
) -> None:
    runs = iter(range(1000))
    schema.ensure(settings.database_url)
    with (
        refusing(settings.database_url) as proxy,
        projecting(settings, proxy.url) as thread,
    ):
        for state in OF_THE_ROW:
            proxy.refused = []
            proxy.refuses = approvals_with(state)
            while not proxy.refused:
                made = [history(next(runs)) for _ in range(4)]
                journal.write(settings.bootstrap_servers, made)
                wait_for_views(settings, thread, state)
            lost = ask(settings, "SELECT DISTINCT view FROM projection_failures")
            assert lost == [("approvals",)], state
    assert set(differences(settings)) == {"approvals"}


def test_a_right_that_is_taken_away_and_given_back_costs_only_time(settings: Settings) -> None:
    """As 42501, 42P01 and their like are: of no row, and lasting until somebody mends it."""
    schema.ensure(settings.database_url)
    with (
        refusing(settings.database_url) as proxy,
        projecting(settings, proxy.url) as thread,
    ):
        for number, state in enumerate(("42501", "42P01", "42703", "3F000")):
            proxy.refused = []
            proxy.refuses = approvals_with(state)
            journal.write(settings.bootstrap_servers, [history(number)])
            wait_until(lambda: len(proxy.refused) > 3, PATIENCE_S)
            assert thread.is_alive()
            proxy.refuses = lambda _number, _said: None
            wait_for_views(settings, thread, state)
    assert differences(settings) == {}
    assert ask(settings, "SELECT * FROM projection_failures") == []


async def _claims_through(proxy: Refusing, state: str, number: int) -> list[str]:
    """What is told of a call that is claimed, ended and asked for again until its end is known."""
    told: list[str] = []
    request = replace(REQUEST, idempotency_key=f"{state}-{number}")
    async with (
        asyncio.timeout(PATIENCE_S),
        PostgresClaims(proxy.url, lease_s=1, wait_s=PATIENCE_S) as claims,
    ):
        proxy.once(state, number)
        while len(told) < 4 or told[-1] not in KNOWN:
            try:
                found = await claims.claim(request)
                if found.held is not None:
                    told.append("acted")
                    await claims.finish(found.held, RESULT)
                else:
                    told.append(found.verdict.value)
            except (ClaimsUnavailableError, ToolRefusedError) as error:
                told.append(type(error).__name__)
                await asyncio.sleep(0.05)
    return told


@pytest.mark.parametrize(
    "states",
    [PASSING, OF_THE_ROW, OF_THE_TABLES],
    ids=["passing", "of the row", "of the tables"],
)
def test_a_claim_is_never_given_twice_and_goes_on(
    database_url: str, states: tuple[str, ...]
) -> None:
    with refusing(database_url) as proxy:

        async def every() -> None:
            for state in states:
                for number in range(1, 5):
                    told = await _claims_through(proxy, state, number)
                    assert proxy.refused, (state, number)
                    assert told.count("acted") <= 1, (state, number, told)

        asyncio.run(every())
