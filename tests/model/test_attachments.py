"""What a model is shown of a request's attachments, on both wires."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from runfold.events.calls import ModelResult, Outcome
from runfold.events.contents.attachments import MOST_TEXT_BYTES
from runfold.events.contents.content import Content, content, text
from runfold.events.values import Attachment
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.processors.model.attachments import parts_of
from runfold.processors.model.contents import Fetch
from runfold.processors.model.providers import anthropic, openai
from runfold.processors.model.providers.settings import ModelSettings
from runfold.processors.model.providers.tool_names import names_of
from runfold.processors.model.providers.wire import Target
from tests.model.given import assistant, call, proposed, result, user, work
from tests.model.server import Answer, Provider, chat

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
PDF = b"%PDF-1.7\n"
NOTE = Attachment(name="note.txt", content=text("the pump is in hall 3"))
PICTURE = Attachment(name="pump.png", content=content(PNG, "image/png"))
PAPER = Attachment(name="paper.pdf", content=content(PDF, "application/pdf"))
ZIP = Attachment(name="a.zip", content=content(b"PK", "application/zip"))


def written(*attached: Attachment, files: bool = False) -> list[dict[str, Any]]:
    given = work(user("go"), attachments=attached)
    target = Target("openai", "gpt", files=files)
    return openai.CODEC.request(given, target, names_of(given)).body["messages"]  # type: ignore[no-any-return]


def blocks(*attached: Attachment) -> list[dict[str, Any]]:
    given = work(user("go"), attachments=attached)
    body = anthropic.CODEC.request(given, Target("anthropic", "claude"), names_of(given)).body
    return body["messages"][0]["content"]  # type: ignore[no-any-return]


def url_of(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def test_texts_and_notes_stand_in_the_text_of_the_goal() -> None:
    (_, goal) = written(NOTE, ZIP)
    assert goal["content"] == (
        "go\n\nAttachment 'note.txt' (text/plain, 21 bytes):\nthe pump is in hall 3\n\n"
        "[Attachment 'a.zip' (application/zip, 2 bytes): its content is not shown.]"
    )


def test_pictures_and_documents_are_parts_of_their_own() -> None:
    (_, goal) = written(PICTURE, PAPER, files=True)
    assert [part["type"] for part in goal["content"]] == [
        "text", "text", "image_url", "text", "file",
    ]  # fmt: skip
    assert goal["content"][2]["image_url"] == {"url": url_of("image/png", PNG)}
    assert goal["content"][4]["file"] == {
        "filename": "paper.pdf",
        "file_data": url_of("application/pdf", PDF),
    }


def test_a_server_that_takes_no_documents_is_given_a_note() -> None:
    (_, goal) = written(PAPER)
    assert "cannot be shown to this model" in goal["content"]


def test_anthropics_blocks() -> None:
    found = blocks(NOTE, PICTURE, PAPER)
    assert [block["type"] for block in found] == [
        "text", "text", "text", "image", "text", "document",
    ]  # fmt: skip
    assert found[3]["source"] == {
        "type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode(),
    }  # fmt: skip
    assert (found[5]["title"], found[5]["source"]["media_type"]) == (
        "paper.pdf", "application/pdf",
    )  # fmt: skip
    # What comes before the end of the last message is read from the provider's cache.
    assert "cache_control" in found[-1]


def test_they_stay_with_the_goal_in_a_long_run() -> None:
    said = (user("go"), assistant(None, proposed("c", "files.read", {})), result("c", "x"))
    given = work(*said, attachments=(NOTE,))
    body = openai.CODEC.request(given, Target("openai", "gpt"), names_of(given)).body
    assert ["hall 3" in str(message["content"]) for message in body["messages"]] == [
        False, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF....WEBP", "image/webp"),
    ],
)
def test_a_picture_is_what_its_first_bytes_say(data: bytes, kind: str) -> None:
    """Vendors refuse the whole call where the two differ."""
    (_, goal) = written(Attachment(name="p.png", content=content(data, "image/png")))
    assert goal["content"][2]["image_url"] == {"url": url_of(kind, data)}


def test_what_is_no_picture_is_a_note() -> None:
    (_, goal) = written(Attachment(name="p.png", content=content(b"<html>", "image/png")))
    assert "it is no picture" in goal["content"]


def test_a_long_text_is_cut_and_says_so() -> None:
    said = content(b"x" * (MOST_TEXT_BYTES + 5), "text/plain")
    (part,) = parts_of(work(attachments=[Attachment(name="n", content=said)]), documents=True)
    assert f"the first {MOST_TEXT_BYTES} bytes follow" in part.text
    assert part.text.count("x") == MOST_TEXT_BYTES + 1  # and the one in "text"


def test_a_hostile_name_and_bytes_that_are_no_text_are_harmless() -> None:
    said = content(b"a\xff\0\xed\xa0\xbd", "text/plain")
    odd = Attachment(name="x\n]\x1b[2J" + "y" * 900, content=said)
    (part,) = parts_of(work(attachments=[odd]), documents=True)
    head, body = part.text.split("\n")
    assert len(head) < 300
    assert not set(head) & {"\x1b", "\0"}
    assert body.encode().decode() == body


def ask(both: ModelSettings, attached: Content, fetch: Fetch | None) -> ModelResult:
    given = work(user("go"), attachments=[Attachment(name="a.txt", content=attached)])
    return call(given, both, fetch=fetch)


def test_one_held_by_reference_is_fetched(openai: Provider, both: ModelSettings) -> None:
    openai.will(Answer(body=chat("ok")))
    store = MemoryArtifacts()
    kept = store.put(b"a long log", "text/plain", "tenant")
    held = Content(media_type="text/plain", size=kept.size, digest=kept.digest, ref=kept.ref)
    assert ask(both, held, store.get).outcome is Outcome.SUCCEEDED
    assert "a long log" in openai.asked[0].body["messages"][1]["content"]


@pytest.mark.parametrize("wrong", [{"digest": b"x" * 32}, {"size": 3}, {"size": 10_000_000}])
def test_what_the_store_holds_otherwise_is_never_shown(
    openai: Provider, both: ModelSettings, wrong: dict[str, Any]
) -> None:
    store = MemoryArtifacts()
    kept = store.put(b"a long log", "text/plain", "tenant")
    held = Content(media_type="text/plain", size=kept.size, digest=kept.digest, ref=kept.ref)
    found = ask(both, held.model_copy(update=wrong), store.get)
    assert found.error is not None
    assert (found.error.error_type, found.error.retryable) == ("content_mismatch", False)
    assert openai.asked == []


def test_one_that_is_out_of_reach_is_named(openai: Provider, both: ModelSettings) -> None:
    openai.will(Answer(body=chat("ok")))
    held = Content(media_type="text/plain", size=7, digest=bytes(32), ref="workspace:a.txt")
    assert ask(both, held, None).outcome is Outcome.SUCCEEDED
    assert "'a.txt' (text/plain, 7 bytes): its content is not shown" in str(openai.asked[0].body)


def test_one_of_another_tenant_fails_the_call(both: ModelSettings) -> None:
    store = MemoryArtifacts()
    kept = store.put(b"secret", "text/plain", "another")
    held = Content(media_type="text/plain", size=kept.size, digest=kept.digest, ref=kept.ref)
    found = ask(both, held, store.get)
    assert found.error is not None
    assert found.error.error_type == "content_unavailable"
