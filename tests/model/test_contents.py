from __future__ import annotations

from events.content import Content, text
from events.effects import Message, ModelResult, Outcome, Role
from processors.model.providers import ModelSettings
from tests.model.given import call, user, work
from tests.model.server import Answer, Provider, chat

ELSEWHERE = text("a long log").model_copy(update={"inline": None, "ref": "artifact://1"})


def ask(both: ModelSettings, fetch: object) -> ModelResult:
    said = Message(role=Role.USER, content=ELSEWHERE)
    return call(work(user("go"), said), both, fetch=fetch)


def test_a_content_held_by_reference_is_fetched(openai: Provider, both: ModelSettings) -> None:
    openai.will(Answer(body=chat("ok")))

    def fetch(content: Content) -> bytes:
        assert content.ref == "artifact://1"
        return b"a long log"

    assert ask(both, fetch).outcome is Outcome.SUCCEEDED
    assert openai.asked[0].body["messages"][2] == {"role": "user", "content": "a long log"}


def test_a_context_with_a_hole_is_not_put_to_a_model(openai: Provider, both: ModelSettings) -> None:
    def gone(content: Content) -> bytes:
        raise FileNotFoundError(content.ref)

    for fetch in (None, gone):
        found = ask(both, fetch)
        assert found.error is not None
        assert (found.error.error_type, found.error.retryable) == ("content_unavailable", False)
    assert openai.asked == []
