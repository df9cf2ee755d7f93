"""What leaves for a provider has tokens; what comes back on record has the words."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from runfold.events.calls import ModelWork, Outcome
from runfold.events.contents.content import content, text
from runfold.events.definitions.agents.redaction import KINDS, Redaction
from runfold.events.values import Attachment, DataClassification
from runfold.processors.model import hiding
from runfold.processors.model.hiding import Hiding
from runfold.processors.model.providers.settings import ModelSettings
from tests.model.given import assistant, call, proposed, result, user, work
from tests.model.server import Answer, Provider, chat, chat_call

CANARIES = ("jane.doe@bank.example", "4111 1111 1111 1111", "hunter2-canary", "10.7.7.7")
MAIL, CARD, PASSWORD, IP = CANARIES


def everywhere(**more: Any) -> ModelWork:
    """Return a call with canaries in every part of what a model is shown."""
    return work(
        user(f"write to {MAIL} about {CARD}"),
        assistant(f"to {MAIL}", proposed("c1", "files.read", {"path": f"/home/{MAIL}"})),
        result("c1", {"password": PASSWORD, "seen": [IP]}),
        instructions=text(f"you work for {MAIL}"),
        attachments=(
            Attachment(name=f"letter to {MAIL}", content=text(CARD)),
            Attachment(name="a.png", content=content(b"\x89PNG\r\n\x1a\n" + bytes(9), "image/png")),
        ),
        **{"redact": KINDS, **more},
    )


def sent(provider: Provider) -> str:
    return json.dumps([asked.body for asked in provider.asked], ensure_ascii=False)


def tokens_in(said: str, kind: str) -> set[str]:
    return {f"<{kind}_{part[:8]}>" for part in said.split(f"<{kind}_")[1:]}


def test_nothing_personal_leaves_and_the_answer_has_the_words(
    openai: Provider, both: ModelSettings
) -> None:
    openai.will(Answer(body=chat("so")))
    call(everywhere(), both)
    (mail,) = tokens_in(sent(openai), "EMAIL")
    path = json.dumps({"path": f"/home/{mail}"})
    openai.will(Answer(body=chat(f"to {mail}", [chat_call("c2", "files__read", path)])))
    found = call(everywhere(), both)
    assert not [word for word in CANARIES if word in sent(openai)]
    assert found.outcome is Outcome.SUCCEEDED
    assert found.answer is not None
    assert found.answer.text == text(f"to {MAIL}")
    assert json.loads(found.answer.tool_calls[0].arguments.inline or b"") == {
        "path": f"/home/{MAIL}"
    }
    assert {each.kind: each.count for each in found.redacted} == {
        "card": 1, "email": 1, "ip": 1, "secret": 1,
    }  # fmt: skip
    assert {each.kind: each.count for each in found.exposed} == {"email": 1}


def test_what_an_answer_says_of_its_own_is_exposed_too(
    openai: Provider, both: ModelSettings
) -> None:
    arguments = json.dumps({"password": "of-my-own", "to": "a@b.example, c@d.example"})
    openai.will(Answer(body=chat("ask e@f.example", [chat_call("c2", "files__read", arguments)])))
    found = call(everywhere(), both)
    assert {each.kind: each.count for each in found.exposed} == {"email": 3, "secret": 1}


def test_a_picture_cannot_be_looked_through_and_is_only_named(
    openai: Provider, both: ModelSettings
) -> None:
    openai.will(Answer(body=chat("so")))
    call(everywhere(), both)
    assert "a.png" in sent(openai)
    assert "image_url" not in sent(openai)


def test_without_a_wish_everything_is_shown_as_it_is(openai: Provider, both: ModelSettings) -> None:
    openai.will(Answer(body=chat("so")))
    found = call(everywhere(redact=()), both)
    assert [word for word in CANARIES if word in sent(openai)] == list(CANARIES)
    assert (found.redacted, found.exposed) == ((), ())


def test_a_kind_that_is_not_known_hides_everything(openai: Provider, both: ModelSettings) -> None:
    openai.will(Answer(body=chat("so")))
    call(everywhere(redact=("email", "names")), both)
    assert not [word for word in CANARIES if word in sent(openai)]


def test_only_what_is_new_is_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    changed = hiding._changed

    def counted(said: Any, *rest: Any, **more: Any) -> Any:
        seen.append(said.inline)
        return changed(said, *rest, **more)

    monkeypatch.setattr(hiding, "_changed", counted)
    hider = Hiding()
    first, _ = asyncio.run(hider.hidden(everywhere()))
    before = len(seen)
    again, shield = asyncio.run(hider.hidden(everywhere()))
    assert (len(seen), again) == (before, first)
    assert shield is not None
    assert shield.counts["email"] == 1


def test_the_same_bytes_are_hidden_by_what_they_are() -> None:
    words = b'{"api_key": ["b c"]}'
    as_text, as_json = content(words, "text/plain"), content(words, "application/json")
    one = Hiding()
    said = [user("x").model_copy(update={"content": each}) for each in (as_text, as_json)]
    asked = work(*said, redact=KINDS)
    found, _ = asyncio.run(one.hidden(asked))
    shown = [each.content for each in found.messages]
    assert [each.media_type for each in shown if each] == ["text/plain", "application/json"]
    assert shown[1] is not None
    assert b"b c" not in (shown[1].inline or b"")


def test_two_words_of_different_messages_with_one_token_are_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("runfold.processors.privacy.shield._SHORT", 0)
    asked = work(user("a@bank.example"), user("b@bank.example"), redact=KINDS)
    one = Hiding()
    for _ in range(2):
        found, shield = asyncio.run(one.hidden(asked))
        assert shield is not None
        shown = [(each.content.inline or b"").decode() for each in found.messages if each.content]
        assert shown[0] != shown[1]
        assert shield.show(shown[1]) == "b@bank.example"


def test_what_is_remembered_is_bounded() -> None:
    hider = Hiding(most=20_000)
    for number in range(30):
        given = work(user(f"{number} {'x' * 2_000} {MAIL}"), redact=KINDS, run_id=str(number))
        asyncio.run(hider.hidden(given))
        assert hider._size <= 20_000
    assert hider._kept


@pytest.mark.parametrize(
    ("least", "hidden"),
    [("public", True), ("internal", True), ("confidential", True), ("restricted", False)],
)
def test_it_begins_with_a_classification(least: Any, hidden: bool) -> None:
    redaction = Redaction(from_classification=least)
    assert bool(redaction.of(DataClassification.CONFIDENTIAL)) is hidden
    assert redaction.of(DataClassification.UNKNOWN) == KINDS
