"""Provider calls in a child process: the same results, and whatever happens to it, no more."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as generated
from hypothesis import strategies as st

from runfold.events.calls import ModelResult, ModelWork, Outcome
from runfold.processors.model.apart import frames
from runfold.processors.model.apart.frames import FrameError, Kind, read_frame, to_bytes
from runfold.processors.model.apart.outcomes import answer_of, result_of
from runfold.processors.model.apart.process import Apart
from runfold.processors.model.processor import ModelProcessor
from runfold.processors.model.providers.faults import ProviderFaultError
from tests.model import server
from tests.model.given import KEY, call, scripts, settings, user, work
from tests.model.server import Answer, chat, chat_call

MEMORY = 4_000_000_000
PATIENCE_S = 60.0
ROOT = Path(__file__).parents[2]
SLOW = work(timeout_ms=120_000)


def at(provider: server.Provider, **more: str) -> Any:
    return settings(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=provider.address, **more)


@asynccontextmanager
async def processor(
    provider: server.Provider, memory: int = MEMORY, grace_s: float = 60.0
) -> AsyncIterator[tuple[ModelProcessor, Apart]]:
    configured = at(provider)
    apart = Apart(configured.providers, memory, grace_s=grace_s)
    async with apart, ModelProcessor(configured, scripts(), remote=apart) as models:
        yield models, apart


def made(
    provider: server.Provider, use: Callable[[ModelProcessor, Apart], Awaitable[Any]], **more: Any
) -> Any:
    async def all_of_it() -> Any:
        async with processor(provider, **more) as (models, apart):
            return await use(models, apart)

    return asyncio.run(all_of_it())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - processes tell nobody
            await asyncio.sleep(0.02)


async def asked_again(provider: server.Provider) -> None:
    before = len(provider.asked)
    await until(lambda: len(provider.asked) > before)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def events(*pieces: str) -> bytes:
    return "".join(f"data: {piece}\n\n" for piece in (*pieces, "[DONE]")).encode()


STREAMED = events(
    '{"id":"s1","choices":[{"index":0,"delta":{"content":"Gr\\u00fc\\u00dfe"}}]}',
    '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}',
)
ANSWERS: dict[str, Answer] = {
    "text": Answer(200, chat("hello")),
    "calls": Answer(
        200, chat(None, [chat_call("c1", "files.read", '{"path": "\\ud83d"}')], "tool_calls")
    ),
    "a stream": Answer(200, STREAMED, {"content-type": "text/event-stream"}),
    "vendor extras": Answer(200, chat("x", reasoning_content="because", odd={"a": [1, None]})),
    "counts beyond belief": Answer(200, {**chat("x"), "usage": {"prompt_tokens": 2**70}}),
    "a wrong key": Answer(401, {"error": {"message": f"wrong key {KEY}"}}),
    "too many": Answer(429, {"error": {"message": "slow down"}}, {"retry-after": "7"}),
    "overflow": Answer(400, {"error": {"code": "context_length_exceeded", "message": "too long"}}),
    "HTML": Answer(200, b"<html>"),
    "half an emoji in an error": Answer(400, b'{"error": {"message": "\\ud83d"}}'),
}


def comparable(result: ModelResult) -> ModelResult:
    attempts = tuple(each.model_copy(update={"latency_ms": 0}) for each in result.attempts)
    first = None if result.time_to_first_token_ms is None else 0
    changes = {"latency_ms": 0, "attempts": attempts, "time_to_first_token_ms": first}
    return result.model_copy(update=changes)


@pytest.fixture(scope="module")
def openai() -> Any:
    with server.provider() as found:
        yield found


def test_a_child_gives_the_results_that_this_process_would(openai: server.Provider) -> None:
    asked = work(parameters='{"stream": true}', timeout_ms=60_000)

    async def each(models: ModelProcessor, _apart: Apart) -> dict[str, ModelResult]:
        found = {}
        for name, answer in ANSWERS.items():
            openai.will(answer)
            found[name] = await models.call(asked)
        return found

    apart = made(openai, each)
    for name, answer in ANSWERS.items():
        openai.will(answer)
        here = call(asked, at(openai))
        assert comparable(apart[name]) == comparable(here), name
        assert KEY not in repr(apart[name])
    assert apart["a stream"].time_to_first_token_ms is not None
    assert apart["counts beyond belief"].attempts[0].message is not None


def test_a_child_that_is_killed_costs_a_call_nothing_but_time(openai: server.Provider) -> None:
    async def killed(models: ModelProcessor, apart: Apart) -> ModelResult:
        openai.will(Answer(hang_s=PATIENCE_S, body=chat("late")), Answer(200, chat("again")))
        before = len(openai.asked)
        making = asyncio.create_task(models.call(SLOW))
        await until(lambda: len(openai.asked) > before)
        first = apart.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        result = await making
        assert apart.pid not in {None, first}
        assert gone(first)
        return result

    result = made(openai, killed)
    assert result.outcome is Outcome.SUCCEEDED
    assert [each.error_type for each in result.attempts] == ["process_died", None]


def test_deaths_of_a_child_say_nothing_of_the_provider(openai: server.Provider) -> None:
    async def killed(models: ModelProcessor, apart: Apart) -> list[ModelResult]:
        found = []
        for _ in range(3):
            openai.will(Answer(hang_s=PATIENCE_S, body=chat("late")))
            making = asyncio.create_task(models.call(SLOW))
            for _ in range(2):
                await asked_again(openai)
                os.kill(apart.pid or 0, signal.SIGKILL)
            found.append(await making)
        openai.will(Answer(200, chat("well")))
        return [*found, await models.call(SLOW)]

    *failed, last = made(openai, killed)
    for result in failed:
        assert result.error is not None
        assert (result.error.error_type, result.error.retryable) == ("process_died", True)
    # Six in a row: of a provider's own faults five open the breaker.
    assert last.outcome is Outcome.SUCCEEDED


def test_an_answer_beyond_its_memory_ends_no_more_than_its_calls(openai: server.Provider) -> None:
    many = b"[" + b",".join([b"[[],{}]"] * 60_000) + b"]"
    heavy = b'{"choices": [], "odd": ' + many + b"}"

    async def tight(models: ModelProcessor, apart: Apart) -> list[ModelResult]:
        openai.will(Answer(200, chat("first")))
        found = [await models.call(SLOW)]
        pid = apart.pid
        assert pid is not None
        limits = resource.prlimit(pid, resource.RLIMIT_AS)
        used = address_space(pid)
        resource.prlimit(pid, resource.RLIMIT_AS, (used + 2_000_000, limits[1]))
        openai.will(Answer(200, heavy))
        found.append(await models.call(SLOW))
        if apart.pid == pid:
            resource.prlimit(pid, resource.RLIMIT_AS, limits)
        openai.will(Answer(200, chat("after")))
        return [*found, await models.call(SLOW)]

    before, failed, after = made(openai, tight)
    assert (before.outcome, after.outcome) == (Outcome.SUCCEEDED, Outcome.SUCCEEDED)
    assert failed.error is not None
    assert failed.error.error_type in {"malformed_response", "process_died"}
    assert "emory" in failed.error.message or failed.error.error_type == "process_died"


def test_its_memory_is_what_was_set(openai: server.Provider) -> None:
    async def limit(models: ModelProcessor, apart: Apart) -> tuple[int, int]:
        openai.will(Answer(200, chat("x")))
        await models.call(SLOW)
        return resource.prlimit(apart.pid or 0, resource.RLIMIT_AS)

    assert made(openai, limit, memory=3_000_000_000) == (3_000_000_000, 3_000_000_000)


def test_a_child_that_is_stuck_is_ended_after_the_call_s_time(openai: server.Provider) -> None:
    async def stuck(models: ModelProcessor, apart: Apart) -> list[ModelResult]:
        openai.will(Answer(200, chat("x")))
        await models.call(SLOW)
        first = apart.pid
        os.kill(first or 0, signal.SIGSTOP)
        found = await models.call(work(timeout_ms=200))
        await until(lambda: gone(first or 0))
        return [found, await models.call(SLOW)]

    failed, after = made(openai, stuck, grace_s=0.5)
    assert failed.error is not None
    assert (failed.error.error_type, after.outcome) == ("timeout", Outcome.SUCCEEDED)


def test_it_holds_keys_in_its_memory_alone(
    openai: server.Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("RUNFOLD_SECRET_CRM", "crm-secret-value")

    async def seen(models: ModelProcessor, apart: Apart) -> bytes:
        openai.will(Answer(200, chat("x")))
        assert (await models.call(SLOW)).outcome is Outcome.SUCCEEDED
        own = Path(f"/proc/{apart.pid}")
        return own.joinpath("environ").read_bytes() + own.joinpath("cmdline").read_bytes()

    told = made(openai, seen)
    assert KEY.encode() not in told
    assert b"crm-secret-value" not in told


def test_a_call_that_is_given_up_ends_in_the_child_too(openai: server.Provider) -> None:
    async def given_up(models: ModelProcessor, apart: Apart) -> int:
        openai.will(Answer(hang_s=PATIENCE_S, body=chat("late")))
        before = len(openai.asked)
        making = asyncio.create_task(models.call(SLOW))
        await until(lambda: len(openai.asked) > before)
        making.cancel()
        await asyncio.gather(making, return_exceptions=True)
        await until(lambda: connections(apart.pid or 0) == 0)
        openai.will(Answer(200, chat("x")))
        assert (await models.call(SLOW)).outcome is Outcome.SUCCEEDED
        return apart.pid or 0

    assert gone(made(openai, given_up))


def address_space(pid: int) -> int:
    """How many bytes of it a process has taken."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


def connections(pid: int) -> int:
    """How many TCP connections a process has open."""
    files = Path(f"/proc/{pid}/fd").iterdir()
    sockets = {str(link.readlink()) for link in files if link.is_symlink()}
    lines = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    return sum(f"socket:[{line.split()[9]}]" in sockets for line in lines)


def test_it_ends_with_whoever_started_it(openai: server.Provider) -> None:
    program = (
        "import asyncio, os, signal, sys\n"
        "from tests.model.test_apart import Apart, MEMORY\n"
        "async def main():\n"
        "    async with Apart({}, MEMORY, soon=True) as apart:\n"
        "        while apart.pid is None: await asyncio.sleep(0.02)\n"
        "        print(apart.pid, flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    asyncio.run(until(lambda: gone(child)))


def test_what_cannot_be_started_is_a_failed_call(
    openai: server.Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    async def none(models: ModelProcessor, _apart: Apart) -> ModelResult:
        found: ModelResult = await models.call(SLOW)
        return found

    result = made(openai, none)
    assert result.error is not None
    assert (result.error.error_type, result.error.retryable) == ("process_died", True)


async def _read(data: bytes, most: int = 1000) -> list[object]:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    found: list[object] = []
    while (frame := await read_frame(reader, most)) is not None:
        found.append(tuple(frame))
    return found


@generated(
    st.lists(st.tuples(st.sampled_from(Kind), st.integers(0, 2**64 - 1), st.binary(max_size=99)))
)
def test_frames_are_read_as_they_were_written(sent: list[tuple[Kind, int, bytes]]) -> None:
    assert asyncio.run(_read(b"".join(to_bytes(*each) for each in sent))) == sent


@generated(st.binary(max_size=60))
def test_rubbish_is_no_frame_and_raises_nothing_else(data: bytes) -> None:
    try:
        asyncio.run(_read(data))
    except FrameError:
        return
    # Or it is a whole frame, or one that breaks off.


def test_a_frame_larger_than_may_be_is_not_read() -> None:
    with pytest.raises(FrameError, match="1001 bytes"):
        asyncio.run(_read(to_bytes(Kind.ANSWER, 1, bytes(1001))))


@generated(st.binary(max_size=200))
def test_rubbish_is_no_record(data: bytes) -> None:
    whole = frames.written(work())
    for payload in (data, whole[: len(data)], whole + data[:3] + b"\0"):
        with pytest.raises(FrameError):
            frames.parsed(ModelWork, payload)


def test_a_result_without_answer_and_error_is_a_fault() -> None:
    fault = ProviderFaultError("auth", "no")
    held = result_of(work(user("x")), fault, 0.0).model_copy(update={"error": None})
    with pytest.raises(ProviderFaultError, match="holds no answer"):
        answer_of(held, 0.0)
