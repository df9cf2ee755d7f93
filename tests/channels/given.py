"""Runs at a moment, as pictures; links and a workspace as a deployment would have them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from runfold.events.contents.content import content, text
from runfold.events.run import Event
from runfold.surfaces.channels.adapters.email import Envelope
from runfold.surfaces.channels.adapters.workspace import Workspace
from runfold.surfaces.channels.composing.picture import Picture, picture_of
from runfold.surfaces.channels.links import Links
from runfold.surfaces.channels.rendering import Wiring
from tests.deciders.given import TENANT, answer, call, came_back, request
from tests.support.builders.stories import Step, recorded_story

KEY = b"k" * 32
UNTIL = datetime(2027, 1, 1, tzinfo=UTC)
LINKS = Links("https://runs.example", KEY, TENANT, "user-1", UNTIL)
WORKSPACE = Workspace(Path("/home/ann/project"), (Path("/srv/shared"),), {"send": "never"})
WIRING = Wiring(
    LINKS, "", Envelope("runs@runs.example", "ann@runs.example", "runs.example"), WORKSPACE
)

RISKS = [
    {"risk": "lower usage", "weight": 0.7},
    {"risk": "an open support issue", "weight": 0.2},
    {"risk": "no executive sponsor", "weight": 0.1},
]
SUMMARY = (
    "I found three major renewal risks: lower usage, an open support issue and no executive "
    "sponsor. Usage declined by 23% since 1,204 seats were sold. The contract is worth "
    "$120,000.50 a year. The issue run_019ca945-0a00-7000-8000-000000000009 is still open. "
    "See https://crm.example/acme?id=7. A call with their sponsor should come first. "
    "The rest is in the report."
)
REPORT = content(b"x" * 10, "text/markdown").model_copy(
    update={"inline": None, "ref": "artifact:sha256/aa11"}
)
PLANS = answer(
    call(
        "update_plan",
        {
            "steps": [
                {"id": "1", "description": "read the account", "status": "done"},
                {"id": "2", "description": "weigh the risks", "status": "in_progress"},
                {"id": "3", "description": "write the report", "status": "pending"},
            ]
        },
    )
)
ENDS = call(
    "complete_task",
    {"summary": SUMMARY, "result": {"risks": RISKS, "next": ["call them", "fix the issue"]}},
)

ASKED = request(goal=text("Assess the renewal risk of Acme"))
FINISHED: Sequence[Step] = (
    ASKED,
    answer(call("look")),
    came_back(2, result=REPORT),
    answer(ENDS, n=3),
)
FAILED: Sequence[Step] = (
    ASKED,
    answer(call("look")),
    came_back(2, result=REPORT),
    answer(call("fail_task", {"reason": "There is no access to the accounts."}), n=3),
)
WAITS: Sequence[Step] = (ASKED, answer(call("write", {"path": "notes/acme.md", "body": "risks"})))
ASKS: Sequence[Step] = (
    ASKED,
    answer(call("ask_human", {"question": "Which year?", "options": ["2026", "2027"]})),
)
WORKS: Sequence[Step] = (ASKED, PLANS, answer(call("look"), n=2))

STATES = {
    "finished": FINISHED,
    "failed": FAILED,
    "approval": WAITS,
    "question": ASKS,
    "working": WORKS,
}


def events_of(steps: Sequence[Step]) -> list[Event]:
    return [event for _, event in recorded_story(steps).written]


def picture(steps: Sequence[Step]) -> Picture:
    found = picture_of(events_of(steps))
    assert found is not None
    return found


def hostile(said: str) -> dict[str, Sequence[Step]]:
    """Return runs in which a person, a model and a tool say the same."""
    asked = request(goal=text(said))
    result = {
        "summary": said,
        "result": {said[:50] or "x": [{said[:40] or "y": said}], "l": [said]},
    }
    return {
        "finished": (asked, answer(call("complete_task", result))),
        "approval": (asked, answer(call("write", {"path": said, said[:30] or "z": said}))),
        "question": (
            asked,
            answer(call("ask_human", {"question": said, "options": [said, "no"]})),
        ),
    }
