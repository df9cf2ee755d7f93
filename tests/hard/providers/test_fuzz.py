"""Whatever a provider answers, a model call has a result that the log can carry [1, 7, 9].

A case is a seed. ``FUZZ_CASES`` says how many, ``FUZZ_SEED`` from which on; a case
that fails prints its seed, and belongs into ``KEPT``.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.calls import Message, ModelResult, ModelWork, Outcome, Role
from runfold.events.contents.content import text
from runfold.processors.model.processor import ModelProcessor
from tests.hard.providers import answers
from tests.hard.providers.vendors import of_anthropic, of_openai
from tests.model.given import scripts, settings, tool, user, work

CASES = int(os.environ.get("FUZZ_CASES", "2000"))
FIRST = int(os.environ.get("FUZZ_SEED", "0"))
BLOCKS = 8

KEPT = (7, 24, 58, 62, 95, 153, 168, 232, 243, 250, 293, 396, 460, 520, 711)
"""Seeds of cases that failed once, each in another way; they hold as long as the grammar does."""

CODEC = Codec(LockRegistry())
TOOLS = (tool("files.read", path={"type": "string"}), tool("complete_task"))
SETTINGS = settings(
    OPENAI_BASE_URL="http://127.0.0.1:9",
    ANTHROPIC_BASE_URL="http://127.0.0.1:9",
    RUNFOLD_PRICES='{"openai:*": {input_mtok: 1, output_mtok: 1e6}}',
)


class Case:
    """One answer, made from a seed."""

    def __init__(self, seed: int) -> None:
        pick = random.Random(seed)
        self.seed = seed
        self.wire = pick.choice(["openai", "anthropic"])
        self.streamed = pick.random() < 0.5
        self.status = pick.choice([200] * 8 + [400, 429, 500, 302])
        self.said: Any = None
        self.whole, self.body = _body(self, pick)
        kind = "text/event-stream" if self.streamed else "application/json"
        self.headers = {"content-type": pick.choice([kind] * 8 + ["text/plain", "", "x/\xff"])}
        self.pieces = pick.choice([1, 7, 100, 1_000_000])

    def work(self) -> ModelWork:
        asked = '{"stream": true}' if self.streamed else "{}"
        return work(model=f"{self.wire}:m", tools=TOOLS, parameters=asked, timeout_ms=60_000)


def _body(case: Case, pick: random.Random) -> tuple[bool, bytes]:
    """Return whether nothing was changed but where the bytes end, and the bytes of the answer."""
    if case.status != 200:
        return False, _bytes(answers.mutated(answers.errors(pick), pick))
    chat = case.wire == "openai"
    case.said = answers.chat(pick) if chat else answers.message(pick)
    if not case.streamed:
        changed = answers.mutated(case.said, pick)
        return changed == case.said, _torn(_bytes(changed), pick)
    events = (answers.chat_chunks if chat else answers.message_events)(case.said, pick)
    changed = answers.mutated(events, pick)
    listed = changed if isinstance(changed, list) else [changed]
    end = "data: [DONE]\n\n" if chat and pick.random() < 0.9 else ""
    lines = "".join(f"data: {json.dumps(event)}\n\n" for event in listed)
    data = (lines + end).encode("utf-8", "surrogatepass")
    return changed == events, _torn(data, pick)


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return json.dumps(value, ensure_ascii=len(repr(value)) % 2 == 0).encode(
        "utf-8", "surrogatepass"
    )


def _torn(data: bytes, pick: random.Random) -> bytes:
    if pick.random() < 0.9 or not data:
        return data
    at = pick.randrange(len(data))
    return pick.choice([data[:at], b"\xef\xbb\xbf" + data, b"\r\n" * 40 + data, b""])


class Fake(httpx.AsyncBaseTransport):
    """Answers with the case that is on."""

    case: Case

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(json.loads(request.content))
        return httpx.Response(
            self.case.status, headers=_raw(self.case.headers), stream=Pieces(self.case)
        )


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


class Pieces(httpx.AsyncByteStream):
    """The bytes of a case, in pieces."""

    def __init__(self, case: Case) -> None:
        self._case = case

    async def __aiter__(self) -> AsyncIterator[bytes]:
        body, size = self._case.body, max(self._case.pieces, len(self._case.body) // 500)
        for at in range(0, len(body), size):
            yield body[at : at + size]


async def _no_pause(_seconds: float) -> None:
    """Wait for nothing."""


def _play(cases: Iterator[Case], judge: Callable[[Case, ModelResult], Any]) -> None:
    async def play() -> None:
        fake = Fake()
        given = replace(SETTINGS, network=fake)
        for case in cases:
            fake.case = case
            try:
                async with ModelProcessor(given, scripts(), sleep=_no_pause) as models:
                    await _answered_and_sent_back(case, models, fake, judge)
            except Exception as error:
                raise AssertionError(f"seed {case.seed}") from error

    asyncio.run(play())


async def _answered_and_sent_back(
    case: Case, models: ModelProcessor, fake: Fake, judge: Callable[[Case, ModelResult], Any]
) -> None:
    found = await models.call(case.work())
    judge(case, found)
    if found.answer is not None:
        fake.asked = []
        again = case.work().model_copy(update={"messages": _goes_on(found)})
        await models.call(again)
        assert fake.asked, "what was answered cannot be sent back"
        refused = of_openai if case.wire == "openai" else of_anthropic
        assert refused(fake.asked[0]) is None


def _goes_on(found: ModelResult) -> tuple[Message, ...]:
    """Return the history that follows from an answer: each call has its result."""
    answer = found.answer
    assert answer is not None
    said = Message(
        role=Role.ASSISTANT,
        content=answer.text,
        tool_calls=answer.tool_calls,
        opaque=answer.opaque,
    )
    results = [
        Message(role=Role.TOOL, content=text("done"), call_id=call.id) for call in answer.tool_calls
    ]
    return (user("go"), said, *(results or [user("Call a tool.")]))


def _judged(case: Case, found: ModelResult) -> None:
    """The oracle: a result that the log carries, and nothing runs that was not whole."""
    seed = f"seed {case.seed}"
    assert CODEC.encode(topics.RESULTS, found), seed
    if found.outcome is not Outcome.SUCCEEDED:
        assert found.error is not None, seed
        assert found.error.error_type not in {"internal_error", ""}, seed
        return
    assert case.status == 200, seed
    answer = found.answer
    assert answer is not None, seed
    ids = [call.id for call in answer.tool_calls]
    assert len(set(ids)) == len(ids), seed
    for call in answer.tool_calls:
        assert 0 < len(call.id) <= 200, seed
        assert len(call.name) <= 200, seed
        assert call.id.isprintable(), seed
        if call.problem is None:
            assert isinstance(json.loads(call.arguments.inline or b""), dict), seed
            assert call.name, seed
    if case.whole:
        said = [(name.replace("__", "."), given) for name, given in answers.calls_of(case.said)]
        for call in answer.tool_calls:
            made = (call.name, json.loads(call.arguments.inline or b""))
            assert call.problem is not None or made in said, f"{seed}: {made} was never said"


@pytest.mark.parametrize("block", range(BLOCKS))
def test_a_call_has_a_result_whatever_is_answered(block: int) -> None:
    size = CASES // BLOCKS
    first = FIRST + block * size
    print(f"seeds {first} to {first + size - 1}")
    _play((Case(seed) for seed in range(first, first + size)), _judged)


@pytest.mark.parametrize("seed", KEPT)
def test_a_case_that_failed_once(seed: int) -> None:
    _play(iter([Case(seed)]), _judged)


def test_most_cases_that_nothing_was_done_to_succeed() -> None:
    """So that the fuzzer cannot pass by making nothing but rubbish."""
    told: list[Outcome] = []

    def keep(case: Case, found: ModelResult) -> None:
        if case.whole:
            told.append(found.outcome)

    _play((Case(seed) for seed in range(FIRST, FIRST + 400)), keep)
    assert len(told) > 20
    assert told.count(Outcome.SUCCEEDED) > 0.7 * len(told)
