"""A row that Postgres refuses for good is set aside, and every view goes on."""

from __future__ import annotations

import random
import string

import psycopg
import pytest
from sqlalchemy import Text, UniqueConstraint

from runfold.events.lengths import LONGEST, NAME
from runfold.projections import queries, schema
from runfold.projections.errors import FoldError
from runfold.projections.queries import OperatorViews
from runfold.projections.schema import METADATA
from runfold.projections.store.refusals import cannot_take
from runfold.stack.settings import Settings
from tests.projections.running import ask, projector, wait_caught_up
from tests.support import journal
from tests.support.builders.history import History

OURS = {
    "approval_id",
    "artifact_id",
    "call_id",
    "checkpoint_id",
    "decision_id",
    "digest",
    "effect",
    "event_id",
    "event_type",
    "exit_status",
    "hash",
    "idempotency_key",
    "model_call_id",
    "period",
    "repricing",
    "scope",
    "status",
    "tenant",
    "topic",
    "tool_call_id",
    "unit",
    "view",
}
"""Indexed columns whose texts Runfold makes, all of them short."""

_OTHERWISE = {"tool_name": "tool", "policy_id": "name"}
"""Columns that are called otherwise than the field that they come from."""


def indexed_texts() -> set[tuple[str, str]]:
    found = set()
    for table in METADATA.tables.values():
        keys = [table.primary_key, *table.indexes]
        keys += [each for each in table.constraints if isinstance(each, UniqueConstraint)]
        found |= {
            (table.name, column.name)
            for key in keys
            for column in key.columns
            if isinstance(column.type, Text)
        }
    return found


@pytest.mark.parametrize(("table", "column"), sorted(indexed_texts()))
def test_an_indexed_text_has_a_declared_length(table: str, column: str) -> None:
    field = _OTHERWISE.get(column, column)
    assert field in OURS or LONGEST.get(field) == NAME, f"{table}.{column} may be of any length"


@pytest.mark.parametrize(
    ("state", "for_good"),
    [
        ("54000", True),
        ("54001", True),
        ("22021", True),
        ("22P05", True),
        ("23505", True),
        ("0A000", True),
        ("XX000", True),
        ("08006", False),
        ("57P01", False),
        ("53100", False),
        ("53300", False),
        ("40001", False),
        ("55P03", False),
        ("25006", False),
        ("42P01", False),
        ("XX001", False),
    ],
)
def test_a_refusal_is_judged_by_its_sqlstate(state: str, for_good: bool) -> None:
    error = psycopg.errors.lookup(state)() if state != "XX000" else psycopg.errors.InternalError_()
    assert cannot_take(error) is for_good


def test_what_names_no_state_is_a_server_that_is_away() -> None:
    assert not cannot_take(psycopg.OperationalError("connection refused"))
    assert not cannot_take(ZeroDivisionError())
    assert cannot_take(FoldError("no"))


@pytest.mark.integration
def test_a_tool_name_that_no_index_holds_is_set_aside_and_the_views_go_on(
    settings: Settings,
) -> None:
    # Random, since Postgres compresses what repeats.
    letters = random.Random(1).choices(string.ascii_letters, k=6_000)
    bad = History("bad", partition=0).created().asked_model("m").model_said("m", "files.read")
    call = bad.proposed("one").events.pop()
    bad.values.pop()
    bad.add(call.fact.model_copy(update={"tool": "".join(letters)}))
    good = History("good", partition=0).created().asked_model("n").model_said("n", "files.read")
    good.proposed("two").decided("two").approved("two").started("two").succeeded("two")
    journal.write(settings.bootstrap_servers, [bad])
    journal.write(settings.bootstrap_servers, [good])
    with projector(settings):
        wait_caught_up(settings)
    failed = ask(settings, "SELECT view, run_id, error FROM projection_failures")
    assert [(view, run) for view, run, _ in failed] == [("tool_invocations", "bad")]
    assert "index row size" in failed[0][2]
    engine = schema.engine(settings.database_url)
    with engine.connect() as connection:
        counted = queries.set_aside(OperatorViews(connection, "a test"))
    engine.dispose()
    assert counted == {"tool_invocations": 1}
    assert ask(settings, "SELECT run_id FROM tool_calls") == [("good",)]
    assert ask(settings, "SELECT count(*) FROM run_events") == [
        (len(bad.values) + len(good.values),)
    ]
