"""Whatever Postgres says to a question or while tables are made: one sentence, and an exit code."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from runfold.infra.database.errors import DatabaseAwayError, DatabaseUnfitError
from runfold.infra.database.faults import said_by_the_database
from runfold.projections import schema
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from runfold.surfaces.cli.faults import explained
from tests.hard.postgres.test_sqlstates import OF_THE_ROW, OF_THE_TABLES, PASSING
from tests.support.refusing import Refusing, refusing
from tests.surfaces.answering import answering, context_of

STATES = sorted({*PASSING, *OF_THE_ROW, *OF_THE_TABLES})
EXIT = {
    "22": exits.BAD_INPUT,
    "54": exits.BAD_INPUT,
    "40": exits.TRY_AGAIN,
    "55": exits.TRY_AGAIN,
    "57014": exits.TRY_AGAIN,
    "25P": exits.TRY_AGAIN,
    "58": exits.IO_ERROR,
    "53100": exits.IO_ERROR,
    "F0": exits.IO_ERROR,
    "XX001": exits.IO_ERROR,
}
"""By the beginning of the SQLSTATE; all others are a server that cannot be used as it is."""

QUESTIONS = (["runs"], ["approvals"], ["costs"])


def exit_of(state: str) -> int:
    return next((code for begin, code in EXIT.items() if state.startswith(begin)), 69)


@pytest.mark.parametrize("state", STATES)
def test_every_class_has_its_sentence_and_its_code(state: str) -> None:
    refused = psycopg.errors.lookup(state)("refused\nCONTEXT:  more")
    for error in (refused, DBAPIError("SELECT 1", {}, refused)):
        sentence, code = explained(error)
        assert code == exit_of(state)
        assert f"(refused, SQLSTATE {state})" in sentence
        assert "\n" not in sentence


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (psycopg.OperationalError('FATAL:  password authentication failed for user "x"'), 69,
         "password authentication failed"),
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"), 65, "NUL"),
        (psycopg.ProgrammingError("the query has 1 placeholder but 2 parameters"), 69, "bug"),
    ],
)  # fmt: skip
def test_so_has_what_the_server_never_saw(error: Exception, code: int, said: str) -> None:
    sentence, found = explained(error)
    assert (found, said in sentence) == (code, True)


@pytest.fixture
def proxy(database_url: str) -> Iterator[Refusing]:
    with refusing(database_url) as found:
        yield found


@pytest.mark.integration
def test_a_command_says_it_whichever_statement_is_refused(
    proxy: Refusing, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    schema.ensure(database_url)
    for number, state in enumerate(STATES):
        context = context_of(answering())
        context.engine = schema.engine(proxy.url)
        asked = QUESTIONS[number % 3]
        proxy.once(state, 1 + number % 2)
        code = run(asked, context)
        context.engine.dispose()
        said = capsys.readouterr().err
        assert proxy.refused, (state, asked)
        assert code == (69 if state.startswith("28") else exit_of(state)), (state, asked, said)
        assert said.count("\n") == 1, said
        assert "Traceback" not in said


@pytest.mark.integration
def test_tables_are_made_whole_or_not_and_a_refusal_is_a_sentence(
    proxy: Refusing, database_url: str
) -> None:
    for number, state in enumerate(STATES):
        proxy.once(state, 1 + number * 7 % 40)
        _drop(database_url)
        with pytest.raises((DatabaseAwayError, DatabaseUnfitError)) as told, said_by_the_database():
            schema.ensure(proxy.url)
        assert proxy.refused, state
        if state.startswith(("08", "28", "57P", "58")):
            # The session has ended: what is raised may be that nothing can be rolled back.
            assert "SQLSTATE" in str(told.value) or "connection" in str(told.value)
            continue
        assert state in str(told.value)
        unfit = state.startswith(("3D", "42501", "2B"))
        assert isinstance(told.value, DatabaseUnfitError) is unfit, state
    schema.ensure(proxy.url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT version FROM runfold.projection_schema").fetchall() == [
            (schema.VERSION,)
        ]


def _drop(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("DROP SCHEMA IF EXISTS runfold CASCADE")
