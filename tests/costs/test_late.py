"""What was paid for and came too late stands in every view, as the decider put it on record."""

from __future__ import annotations

import json
from decimal import Decimal

import psycopg
import pytest

from runfold.events import topics
from runfold.producers.log.memory import MemoryLog
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from tests.costs.given import context_of, project
from tests.support.builders.history import CODEC
from tests.support.builders.stories import STORIES, written_history

pytestmark = pytest.mark.integration

# By kind: how many rows, what they cost in all. An answer costs 0.01, an execution 0.1.
SPENT = {
    "pays a lost model": {"model": (2, "0.02")},
    "pays a lost tool": {"model": (2, "0.02"), "tool": (1, "0.1")},
    "pays a doubt": {"model": (1, "0.01"), "tool": (1, "0.1")},
    "pays a doubt late": {"model": (2, "0.02"), "tool": (1, "0.1")},
}


@pytest.mark.parametrize("name", SPENT)
def test_every_view_has_it_once(
    name: str, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    written, _ = written_history(STORIES[name])
    log = MemoryLog(CODEC, [topic.name for topic in topics.TOPICS])
    for value, event in written:
        log.append(topics.EVENTS, value, event.meta.run_id.encode())
    project(log, database_url)
    with psycopg.connect(database_url) as connection:
        query = b"SELECT kind, count(*), sum(cost_usd), count(DISTINCT coalesce(model, tool)) "
        found = connection.execute(query + b"FROM costs GROUP BY kind").fetchall()
        (total,) = connection.execute(b"SELECT cost_usd FROM runs").fetchall()[0]
    assert {row[0]: (row[1], row[2]) for row in found} == {
        kind: (rows, Decimal(cost)) for kind, (rows, cost) in SPENT[name].items()
    }
    assert all(names == 1 for *_, names in found)
    assert total == sum(Decimal(cost) for _, cost in SPENT[name].values())
    context = context_of(log, database_url)
    assert run(["costs", "verify"], context) == exits.OK, capsys.readouterr().out
    capsys.readouterr()
    assert run(["costs", "--by", "agent", "--json"], context) == exits.OK
    (row,) = json.loads(capsys.readouterr().out, parse_float=Decimal)
    assert Decimal(row["cost_usd"]) == total
    context.engine.dispose()
