"""A run hands its agent's wish on, and records what a model was shown tokens for."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.calls import ModelWork
from runfold.events.definitions.agents.redaction import Redaction
from runfold.events.values import DataClassification, Redacted
from runfold.processors.run.dispatch import dispatch
from tests.deciders.given import answer, call, request, story

HIDDEN = (Redacted(kind="email", count=2),)
CONFIDENTIAL = Redaction(kinds=("email",), from_classification="confidential")


def asked(classification: DataClassification) -> tuple[str, ...]:
    begun = story(redact=CONFIDENTIAL).when(request(data_classification=classification))
    (out,) = dispatch(begun.only(j.ModelCalled), begun.state, begun.definitions)
    assert isinstance(out.record, ModelWork)
    return out.record.redact


def test_the_work_says_what_is_to_be_hidden_in_this_run() -> None:
    assert asked(DataClassification.CONFIDENTIAL) == ("email",)
    assert asked(DataClassification.INTERNAL) == ()


def test_what_was_hidden_is_on_record() -> None:
    told = story().when(request()).when(answer(call("look"), redacted=HIDDEN))
    (responded,) = [fact for fact in told.said if isinstance(fact, j.ModelResponded)]
    assert responded.redacted == HIDDEN
