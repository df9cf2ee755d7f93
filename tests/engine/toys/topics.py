"""The topics of the toys."""

from __future__ import annotations

from runfold.events.topics import TOPICS, Topic

REQUESTS = "jobs.requests"
CONTROLS = "jobs.controls"
RESULTS = "jobs.results"
EVENTS = "jobs.events"
COMPLETIONS = "jobs.completions"
CALLS = "jobs.calls"
RESTORE = "jobs.restore"
PARKED = "jobs.parked"

ENTRIES = "ledger.entries"
LEDGER = "ledger.events"
LEDGER_RESTORE = "ledger.restore"
LEDGER_PARKED = "ledger.parked"

DEAD_LETTERS = "toys.dead"

_LIKE = {topic.name: topic for topic in TOPICS}


def _like(name: str, model: str) -> Topic:
    return Topic(name, "a toy's", config=_LIKE[model].config)


TOYS = (
    *(_like(name, "runs.requests") for name in (REQUESTS, CONTROLS, RESULTS, CALLS, ENTRIES)),
    *(_like(name, "runs.events") for name in (EVENTS, COMPLETIONS, LEDGER, DEAD_LETTERS)),
    *(_like(name, "runs.restore") for name in (RESTORE, PARKED, LEDGER_RESTORE, LEDGER_PARKED)),
)
"""To be created on a real broker, with the settings of the topics that they are like."""
