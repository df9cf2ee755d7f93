"""Which inputs are not even decided: foreign keys, ids that are no UUIDv7, stale requests."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runfold.events.records import commands
from runfold.processors.run.aggregate import CLOCK_SLACK, DEDUPE_HORIZON, checked, key_of, screen
from tests.deciders.given import RUN, control, request
from tests.spec import START


def verdict(record: object, late: timedelta = timedelta(0)) -> str | None:
    return screen(record, START + late)  # type: ignore[arg-type]


def test_a_fresh_request_may_be_decided() -> None:
    assert verdict(request()) is None
    assert verdict(request(), late=DEDUPE_HORIZON) is None


def test_a_stale_request_is_refused_with_advice() -> None:
    said = verdict(request(), late=DEDUPE_HORIZON + timedelta(seconds=1))
    assert said is not None
    assert said.startswith("stale_request: ")
    assert "make a new id" in said


def test_an_id_from_the_future_is_refused_beyond_what_clocks_differ() -> None:
    """A repeat of it could outlive the engine's memory of the run's end."""
    assert verdict(request(), late=-CLOCK_SLACK) is None
    said = verdict(request(), late=-CLOCK_SLACK - timedelta(seconds=1))
    assert said is not None
    assert said.startswith("invalid_run_id: ")


@pytest.mark.parametrize(
    "run_id", ["", "run-1", RUN.upper(), "6ba7b810-9dad-41d1-80b4-00c04fd430c8"]
)
def test_an_id_that_is_no_uuid_7_is_refused(run_id: str) -> None:
    said = verdict(request(run_id=run_id))
    assert said is not None
    assert said.startswith("invalid_run_id: ")


def test_a_client_sees_that_its_id_is_of_another_time_and_nothing_else() -> None:
    assert checked(request(), START)
    assert not checked(request(run_id=RUN.upper()), START)
    assert not checked(request(user_id="\ud800"), START)
    assert not checked(control(commands.CancelRun), START)


def test_a_record_belongs_to_its_run() -> None:
    assert {key_of(record) for record in (request(), control(commands.CancelRun))} == {RUN}
