"""Runs of any behaviour, also of one that is not yet the current one."""

from __future__ import annotations

import pytest

from runfold.events.definitions import ToolContract
from runfold.processors.engine.aggregate import Command, Env
from runfold.processors.run import behaviour as behaviours
from runfold.processors.run.decide import decide
from tests.deciders.given import agent, definitions, request, tool
from tests.spec import START, Story

COUNTED = 4
"""The behaviour that counts what an evaluation costs."""

RISKY = tool("send", risk_level=3)
"""A tool that a person is asked about, so that the decider looks at its arguments."""


def begun_with(
    monkeypatch: pytest.MonkeyPatch, number: int, *tools: ToolContract, **changes: object
) -> Story:
    """Return a run that began with a behaviour and waits for its model."""
    current = max(behaviours.CURRENT, COUNTED, number)
    monkeypatch.setattr(behaviours, "CURRENT", current)
    given = tools or (RISKY,)
    names = tuple(each.name for each in given)
    story = Story(definitions(*given, agent(tools=names, **changes)))
    facts = decide(None, Command(request()), Env(START, story.definitions), number)
    return story.given(*facts)
