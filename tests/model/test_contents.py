from __future__ import annotations

import pytest

from runfold.events.calls import Message, ModelResult, Outcome, Role
from runfold.events.contents.content import TEXT, Content
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.processors.model.contents import Fetch
from runfold.processors.model.providers.settings import ModelSettings
from tests.model.given import call, user, work
from tests.model.server import Answer, Provider, chat


def ask(both: ModelSettings, fetch: Fetch | None, tenant_id: str) -> ModelResult:
    kept = MemoryArtifacts().put(b"a long log", TEXT, "tenant")
    elsewhere = Content(media_type=TEXT, size=kept.size, digest=kept.digest, ref=kept.ref)
    said = Message(role=Role.USER, content=elsewhere)
    return call(work(user("go"), said, tenant_id=tenant_id), both, fetch=fetch)


def test_a_content_held_by_reference_is_fetched(openai: Provider, both: ModelSettings) -> None:
    openai.will(Answer(body=chat("ok")))
    store = MemoryArtifacts()
    store.put(b"a long log", TEXT, "tenant")
    assert ask(both, store.get, "tenant").outcome is Outcome.SUCCEEDED
    assert openai.asked[0].body["messages"][2] == {"role": "user", "content": "a long log"}


@pytest.mark.parametrize("tenant_id", ["tenant", "another"])
@pytest.mark.parametrize("fetch", [None, MemoryArtifacts().get])
def test_a_context_with_a_hole_is_not_put_to_a_model(
    openai: Provider, both: ModelSettings, fetch: Fetch | None, tenant_id: str
) -> None:
    found = ask(both, fetch, tenant_id)
    assert found.error is not None
    assert (found.error.error_type, found.error.retryable) == ("content_unavailable", False)
    assert openai.asked == []


def test_what_no_model_takes_is_not_brought_into_memory(both: ModelSettings) -> None:
    def fetch(_ref: str, _tenant: str) -> bytes:
        raise AssertionError("it must not be fetched")

    held = Content(media_type=TEXT, size=20_000_000, digest=b"d", ref="sha256:x")
    given = work(Message(role=Role.USER, content=held))
    found = call(given, both, fetch=fetch)
    assert found.error is not None
    assert (found.error.error_type, found.error.retryable) == ("context_overflow", False)
