"""What models say while they answer: told as it comes, never waited for, withheld where hidden."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runfold.events import topics
from runfold.events.calls import ModelWork
from runfold.events.records.deltas import MOST_TEXT, ModelDelta
from runfold.processors.model import deltas
from runfold.processors.model.apart.process import Apart
from runfold.processors.model.deltas import KafkaDeltas, Tell
from runfold.processors.model.processor import ModelProcessor
from tests.model.given import KEY, call, script, scripts, settings, work
from tests.model.server import Answer, Provider, chat, message
from tests.model.test_streams import ASKED, STREAM, chat_chunks, lines, message_events
from tests.sealing.sealed import Registry
from tests.support.builders.stories import CODEC
from tests.support.stack import wait_until

SAID = "The disk \N{GRINNING FACE} is full."


class Heard:
    """Keeps what it is told, by model."""

    def __init__(self) -> None:
        self.askings: list[str] = []
        self.pieces: list[str] = []

    def asking(self, _work: ModelWork, model: str) -> Tell:
        """Begin."""
        self.askings.append(model)
        return self.pieces.append

    @property
    def said(self) -> str:
        """All of it."""
        return "".join(self.pieces)


def test_both_wires_tell_the_text_as_it_comes_and_nothing_else(openai: Provider) -> None:
    chatted = chat(SAID, reasoning_content="let me see")
    claude = message({"type": "text", "text": SAID}, {"type": "thinking", "thinking": "hm"})
    for kind, streamed, model in (
        ("OPENAI", chat_chunks(chatted), "openai:gpt-4o"),
        ("ANTHROPIC", message_events(claude), "anthropic:claude"),
    ):
        heard = Heard()
        env = {f"{kind}_API_KEY": KEY, f"{kind}_BASE_URL": openai.address}
        openai.will(Answer(body=lines(streamed), headers=STREAM))
        found = call(work(model=model, parameters=ASKED), settings(**env), deltas=heard)
        assert found.answer is not None
        assert found.answer.text is not None
        assert heard.said.encode() == found.answer.text.inline == SAID.encode()
        assert heard.askings == [model]


def test_an_agent_that_hides_data_from_its_model_has_no_deltas(openai: Provider) -> None:
    heard = Heard()
    env = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": openai.address}
    openai.will(Answer(body=lines(chat_chunks(chat(SAID))), headers=STREAM))
    call(work(parameters=ASKED, redact=("email",)), settings(**env), deltas=heard)
    given = work(model="scripted:demo", parameters=ASKED, redact=("email",))
    call(given, settings(), script({"text": SAID}), deltas=heard)
    assert heard.askings == []


def test_a_script_is_told_word_by_word_where_its_agent_asks_for_a_stream() -> None:
    heard = Heard()
    given = work(model="scripted:demo", parameters=ASKED)
    call(given, settings(), script({"text": SAID}), deltas=heard)
    assert heard.said == SAID
    assert len(heard.pieces) == 5
    call(work(model="scripted:demo"), settings(), script({"text": SAID}), deltas=heard)
    assert heard.said == SAID


def test_a_child_passes_on_what_a_provider_says(openai: Provider) -> None:
    heard = Heard()
    configured = settings(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=openai.address)
    openai.will(Answer(body=lines(chat_chunks(chat(SAID))), headers=STREAM))

    async def ask() -> Any:
        apart = Apart(configured.providers, 4_000_000_000, deltas=heard)
        async with (
            apart,
            ModelProcessor(configured, scripts(), remote=apart, deltas=heard) as models,
        ):
            return await models.call(work(parameters=ASKED, timeout_ms=60_000))

    assert asyncio.run(ask()).answer.text.inline == SAID.encode()
    assert heard.said == SAID


class Producer:
    """A producer that keeps what it is given, and may be full or broken."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.fails: Exception | None = None

    def produce(self, topic: str, **record: Any) -> None:
        if self.fails is not None:
            raise self.fails
        assert topic == topics.MODEL_DELTAS
        self.records.append(record)
        record["on_delivery"](None, None)

    def poll(self, _seconds: float) -> int:
        return 0

    def flush(self, _seconds: float) -> int:
        return 0

    def read(self, codec: Any = CODEC) -> list[ModelDelta]:
        found = [codec.decode(topics.MODEL_DELTAS, each["value"]) for each in self.records]
        assert all(isinstance(each, ModelDelta) for each in found)
        return found


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> Producer:
    """What every producer of deltas is while a test lasts."""
    made = Producer()
    monkeypatch.setattr(deltas.clients, "producer", lambda _settings: made)
    return made


def sent(made: KafkaDeltas, tell: Any) -> None:
    """Have something told and sent."""

    async def once() -> None:
        async with made:
            tell()

    asyncio.run(once())
    made._thread.join(20)
    assert not made._thread.is_alive()


def test_pieces_of_a_call_are_joined_numbered_and_bounded(producer: Producer) -> None:
    made = KafkaDeltas({}, CODEC)

    def tell() -> None:
        one, other = made.asking(work(), "a:b"), made.asking(work(call_id="run.2"), "a:b")
        for letter in "hello":
            one(letter)
        other("x" * (MOST_TEXT + 1))
        one("")
        # Half a character: its other half did not come in time.
        other("\ud83d")

    sent(made, tell)
    found = producer.read()
    assert {each["key"] for each in producer.records} == {b"run"}
    assert "".join(each.text for each in found if each.call_id == "run.1") == "hello"
    longer = [each for each in found if each.call_id == "run.2"]
    assert [each.index for each in longer] == list(range(len(longer)))
    assert (
        "".join(each.text for each in longer) == "x" * (MOST_TEXT + 1) + "\N{REPLACEMENT CHARACTER}"
    )


def test_the_oldest_pieces_make_room(producer: Producer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deltas, "_MOST_CHARACTERS", 10)
    made = KafkaDeltas({}, CODEC)
    told = made.asking(work(), "a:b")
    for letter in "0123456789abcdef":
        told(letter)
    sent(made, lambda: None)
    assert "".join(each.text for each in producer.read()) == "6789abcdef"


@pytest.mark.parametrize("error", [BufferError(), RuntimeError("broken")])
def test_a_log_that_takes_nothing_stops_nothing(producer: Producer, error: Exception) -> None:
    producer.fails = error
    made = KafkaDeltas({}, CODEC)
    told = made.asking(work(), "a:b")
    sent(made, lambda: [told("x"), wait_until(lambda: not made._filled.is_set())])
    assert producer.records == []


def test_what_a_sealed_tenants_model_says_is_sealed(producer: Producer) -> None:
    registry = Registry()
    registry.seal("tenant")
    made = KafkaDeltas({}, registry.codec())
    told = made.asking(work(), "a:b")
    sent(made, lambda: told("the canary sings"))
    (record,) = producer.records
    assert b"canary" not in record["value"]
    assert [each.text for each in producer.read(registry.codec(shows=True))] == ["the canary sings"]
    (shut,) = producer.read()
    assert "canary" not in shut.text
