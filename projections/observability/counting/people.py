"""Counts what people say to runs and do to them."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.run import Meta
from runfold.projections.observability.counting import metrics as m
from runfold.projections.observability.counting.memory import OpenRun


def question(_meta: Meta, _fact: j.HumanInputRequested, run: OpenRun) -> None:
    """The agent, or a brake, asked a person."""
    m.QUESTIONS(run.agent).inc()


def message(_meta: Meta, fact: j.UserMessageReceived, run: OpenRun) -> None:
    """A person said something; the goal is no correction."""
    if fact.kind is not j.MessageKind.GOAL:
        m.CORRECTIONS(run.agent, fact.kind.value).inc()


def ignored(_meta: Meta, fact: j.RequestIgnored, _run: OpenRun) -> None:
    """A control could not apply."""
    m.IGNORED(fact.control).inc()


def taken_over(_meta: Meta, _fact: j.RunTakenOver, run: OpenRun) -> None:
    """A person answers in the model's place."""
    m.TAKEOVERS(run.agent).inc()
