"""Commands load what they need and no more: on a busy machine the loading is the waiting."""

from __future__ import annotations

import subprocess
import sys

import pytest

from runfold.events.calls import kinds
from runfold.projections.queries import spending

SERVERS = {"confluent_kafka", "psycopg", "sqlalchemy"}
RECORDS = {"fastavro", "runfold.events.avro.codec", "runfold.events.calls", "runfold.events.run"}
KAFKA = {"confluent_kafka", "runfold.stack.supervisor.supervision", "runfold.stack.spawning"}

LISTS = "runfold.surfaces.application.runs.reading.lists", "runfold.surfaces.words"


@pytest.mark.parametrize(
    ("modules", "needless"),
    [
        (
            ["runfold.surfaces.cli.app"],
            SERVERS | RECORDS | {"asyncio", "email", "pydantic", "rich", "runfold.stack"},
        ),
        (["runfold.stack.attaching"], SERVERS | RECORDS | {*KAFKA, "http.client", "rich"}),
        (["runfold.projections.queries"], RECORDS | KAFKA | {"rich"}),
        ([*LISTS, "runfold.stack.attaching"], RECORDS | KAFKA | {"rich", "http.client"}),
        (["runfold.surfaces.cli.operations.stack.stack_status"], SERVERS | RECORDS | KAFKA),
    ],
    ids=["command line", "finding the stack", "questions", "runfold runs", "runfold status"],
)
def test_nothing_heavy_is_loaded_without_need(modules: list[str], needless: set[str]) -> None:
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    ).stdout.split()
    assert set(loaded) >= set(modules)
    assert sorted(needless & set(loaded)) == []


def test_the_kind_of_model_costs_is_that_of_model_calls() -> None:
    assert kinds.MODEL.name == spending.MODEL


def test_what_ended_in_vain_is_still_asked_of_the_catalogue() -> None:
    assert "ToolCallFailed" in spending._in_vain()
