"""When a subscriber hears of something: quiet hours, gathering, clocks that change."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runfold.events.definitions import Subscriber
from runfold.processors.delivery.notifications.timing import due_at


def person(**said: object) -> Subscriber:
    base = {"name": "ada", "version": "1.0.0", "channel": "email", "about": ["failed", "alert"]}
    return Subscriber.model_validate({**base, "address": "ada@example.com", **said})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NIGHT = {"begins": "22:00", "ends": "07:00"}
NOON = {"begins": "12:00", "ends": "13:00"}


@pytest.mark.parametrize(
    ("said", "now", "due"),
    [
        ({}, "2026-06-01T23:00", "2026-06-01T23:00"),
        ({"quiet": NIGHT}, "2026-06-01T21:59", "2026-06-01T21:59"),
        ({"quiet": NIGHT}, "2026-06-01T22:00", "2026-06-02T07:00"),
        ({"quiet": NIGHT}, "2026-06-02T06:59", "2026-06-02T07:00"),
        ({"quiet": NIGHT}, "2026-06-02T07:00", "2026-06-02T07:00"),
        ({"quiet": NOON}, "2026-06-02T12:30", "2026-06-02T13:00"),
        ({"quiet": NIGHT, "urgent": ["failed"]}, "2026-06-01T23:00", "2026-06-01T23:00"),
        # Berlin is two hours ahead in summer, one in winter, and changes in between.
        ({"quiet": NIGHT, "time_zone": "Europe/Berlin"}, "2026-06-01T20:30", "2026-06-02T05:00"),
        ({"quiet": NIGHT, "time_zone": "Europe/Berlin"}, "2026-01-01T20:30", "2026-01-01T20:30"),
        ({"quiet": NIGHT, "time_zone": "Europe/Berlin"}, "2026-10-24T20:30", "2026-10-25T06:00"),
        ({"quiet": NIGHT, "time_zone": "Nowhere/At_All"}, "2026-06-01T23:00", "2026-06-02T07:00"),
        ({"gather": {"every": "hour"}}, "2026-06-01T10:10", "2026-06-01T11:00"),
        ({"gather": {"every": "day"}}, "2026-06-01T07:59", "2026-06-01T08:00"),
        ({"gather": {"every": "day"}}, "2026-06-01T08:00", "2026-06-02T08:00"),
        ({"gather": {"every": "hour"}, "quiet": NIGHT}, "2026-06-01T21:30", "2026-06-02T07:00"),
        ({"gather": {"every": "day"}, "urgent": ["failed"]}, "2026-06-01T07", "2026-06-01T07"),
    ],
)  # fmt: skip
def test_when(said: dict[str, object], now: str, due: str) -> None:
    assert due_at(person(**said), "failed", at(now)) == at(due)
