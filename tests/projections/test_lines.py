"""What a line says is what the row said, whatever its texts hold."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.events.values import ActorKind
from runfold.projections import schema
from runfold.projections.store.rows.lines import NULL, OPTIONS, lines_of
from runfold.projections.store.rows.writing import write
from runfold.projections.tables import run_events
from runfold.projections.view import Placed, Rows
from runfold.projections.views import VIEWS
from runfold.projections.views.timeline import add
from tests.support.builders.history import History
from tests.support.builders.seeded import history

_ESCAPES = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r", "\\x1e": NULL}
_NASTY = ["\\", "\t", "\n", "\r", NULL, "\\N", "", "a\\tb", "ü\u2028\x7f", NULL * 2, '{"a":"\\""}']


def values_of(line: str) -> list[str | None]:
    """A line as Postgres reads it."""

    def value(text: str) -> str | None:
        if text == NULL:
            return None
        found, at = "", 0
        while at < len(text):
            escape = next((each for each in _ESCAPES if text.startswith(each, at)), text[at])
            found += _ESCAPES.get(escape, escape)
            at += len(escape)
        return found

    return [value(text) for text in line.split("\t")]


@given(st.lists(st.none() | st.sampled_from(_NASTY) | st.text(), min_size=1))
def test_texts_come_back(row: list[str | None]) -> None:
    (line,) = lines_of([tuple(row)])
    assert "\n" not in line
    assert values_of(line) == row


def test_values_of_every_kind_have_their_text() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
    row: tuple[Any, ...] = (1, True, False, None, Decimal("0.10"), moment, ActorKind.PERSON)
    assert lines_of([row]) == [
        f"1\tt\tf\t{NULL}\t0.10\t2026-01-02T03:04:05.000006+00:00\tperson"
    ]  # fmt: skip
    with pytest.raises(TypeError, match="bytes"):
        lines_of([(b"x",)])


def placed(run: History, nasty: str) -> list[Placed]:
    """The events of a run whose texts hold something that COPY could misread."""
    return [
        each._replace(meta=each.meta.model_copy(update={"cause": nasty, "tenant_id": f"t{nasty}"}))
        for each in run.placed()
    ]


@pytest.mark.integration
def test_postgres_reads_what_was_written(database_url: str) -> None:
    schema.ensure(database_url)
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        for number, nasty in enumerate(_NASTY):
            rows = Rows()
            batch = history(number).batch()
            batch.events = placed(history(number), nasty)
            add(batch, rows)
            write(cursor, rows)
            found = cursor.execute(
                "SELECT seq, tenant_id, cause, call_id FROM run_events WHERE run_id = %s"
                " ORDER BY seq",
                (batch.events[0].meta.run_id,),
            ).fetchall()
            assert found == [
                (e.meta.seq, f"t{nasty}", nasty, e.fact.__dict__.get("call_id"))
                for e in batch.events
            ]
    assert OPTIONS.startswith("(NULL")


def test_the_timeline_makes_the_same_line_at_one_go_as_value_by_value() -> None:
    batch = history(3).batch()
    (lines,) = VIEWS["timeline"].fold(batch).lines.values()
    for placed, line in zip(batch.events, lines, strict=True):
        said = values_of(line)
        assert len(said) == len(run_events.columns)
        named = dict(zip([column.name for column in run_events.columns], said, strict=True))
        assert named["run_id"] == placed.meta.run_id
        assert named["seq"] == str(placed.meta.seq)
        assert named["actor_kind"] == placed.meta.actor.kind.value
        assert named["hash"] == placed.hash
        assert named["journal_offset"] == str(placed.offset)
