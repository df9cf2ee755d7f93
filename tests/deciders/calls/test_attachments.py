"""A request's attachments: taken or refused, named in the context, shown with every model call."""

from __future__ import annotations

import pytest

from runfold.events import run as j
from runfold.events.calls import ModelWork
from runfold.events.contents.attachments import MOST, MOST_BYTES, Shown, shown_as
from runfold.events.contents.content import Content, content, text
from runfold.events.values import Attachment
from runfold.processors.engine.aggregate import Command, Env
from runfold.processors.run.decide import decide
from runfold.processors.run.dispatch import dispatch
from runfold.processors.run.lifecycle.admission import EXIT_REFUSED
from tests.deciders.given import agent, answer, call, came_back, request, story
from tests.spec import START, Story

NOTE = Attachment(name="note.txt", content=text("the pump is in hall 3"))


def held(size: int, ref: str = "artifact:acme/" + "0" * 64, kind: str = "text/plain") -> Content:
    return Content(media_type=kind, size=size, digest=bytes(32), ref=ref)


def shown(story_: Story) -> tuple[Attachment, ...]:
    called = next(f for f in reversed(story_.facts) if isinstance(f, j.ModelCalled))
    (work,) = dispatch(called, story_.run, story_.definitions)
    assert isinstance(work.record, ModelWork)
    return work.record.attachments


def test_they_go_with_every_model_call_and_stand_in_the_journal_once() -> None:
    story_ = story().when(request(attachments=[NOTE]))
    assert shown(story_) == (NOTE,)
    assert story_.only(j.RunCreated).request.attachments == (NOTE,)
    refs = story_.only(j.ContextHydrated).refs
    assert [(ref.kind, ref.id) for ref in refs] == [("goal", "goal"), ("attachment", "note.txt")]
    assert refs[1].digest == NOTE.content.digest
    story_ = story_.when(answer(call("look"))).when(came_back(2))
    assert shown(story_) == (NOTE,)
    assert [ref.kind for ref in story_.only(j.ContextHydrated).refs] == ["reply"]


@pytest.mark.parametrize("behaviour", [1, 2, 3, 4])
def test_runs_of_older_behaviours_show_none(behaviour: int) -> None:
    asked = request(attachments=[NOTE] * (MOST + 1))
    facts = decide(None, Command(asked), Env(START, story().definitions), behaviour)
    story_ = story().given(*facts)
    assert shown(story_) == ()


@pytest.mark.parametrize(
    ("attached", "code"),
    [
        ([NOTE] * (MOST + 1), "too_many_attachments"),
        ([Attachment(name="a", content=held(MOST_BYTES + 1))], "attachments_too_large"),
        ([Attachment(name="a", content=held(2**63 - 1))] * 2, "attachments_too_large"),
    ],
)
def test_too_many_or_too_large_ones_are_refused(attached: list[Attachment], code: str) -> None:
    refused = story().when(request(attachments=attached)).only(j.RunRefused)
    assert (refused.code, refused.exit.exit_code) == (code, EXIT_REFUSED)


def test_a_large_file_in_a_workspace_is_for_the_tools() -> None:
    large = Attachment(name="a.log", content=held(10**12, "workspace:a.log"))
    assert shown(story().when(request(attachments=[large]))) == (large,)


def test_they_count_towards_what_a_model_may_be_shown() -> None:
    model = agent().model.model_copy(update={"context_tokens": 1_000})
    small = Attachment(name="a", content=held(3_000))
    large = Attachment(name="a", content=held(5_000))
    assert story(model=model).when(request(attachments=[small])).names()[-1] == "ModelCalled"
    story_ = story(model=model).when(request(attachments=[large]))
    assert story_.only(j.ContextCalled).budget_tokens == 250


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("text/plain", Shown.TEXT),
        ("Text/CSV; charset=utf-8", Shown.TEXT),
        ("application/json", Shown.TEXT),
        ("application/vnd.api+json", Shown.TEXT),
        ("image/png", Shown.PICTURE),
        ("image/tiff", Shown.NOTE),
        ("application/pdf", Shown.DOCUMENT),
        ("application/zip", Shown.NOTE),
        ("", Shown.NOTE),
    ],
)
def test_what_is_shown_how(kind: str, expected: Shown) -> None:
    assert shown_as(content(b"x", kind)) is expected


def test_what_is_out_of_reach_or_too_large_is_a_note() -> None:
    assert shown_as(held(9, "https://elsewhere/x")) is Shown.NOTE
    assert shown_as(held(5_000_001, kind="image/png")) is Shown.NOTE
    assert shown_as(held(9).model_copy(update={"key_id": "k"})) is Shown.NOTE
