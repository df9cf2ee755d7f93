"""A kind of call that nobody knows but its own module, through every host: a table is enough."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.base import Record
from runfold.events.calls import CallResult, Outcome
from runfold.events.calls.kinds import KINDS, POLICY
from runfold.events.catalogue import CATALOGUE
from runfold.events.contents.content import json_content
from runfold.events.values import ErrorInfo
from runfold.infra.metrics.table import TABLE
from runfold.infra.tracing import names
from runfold.infra.tracing.sampling import Sampler
from runfold.infra.tracing.spans import Traces
from runfold.processors.context.kind import CONTEXT_CALL
from runfold.processors.effects.kinds import EffectKind, Served
from runfold.processors.effects.local import LocalEffects
from runfold.processors.effects.pool.memory import MemoryPool
from runfold.processors.model.kind import MODEL_CALL
from runfold.processors.policy_server.kind import POLICY_CALL
from runfold.processors.tool.kind import TOOL_CALL
from tests.context.given import context_work
from tests.effects.echo import ECHO, ECHO_CALL, EchoResult, EchoWork, echo_work, shout
from tests.effects.given import Inbox, model_work, succeeded, tool_work
from tests.policy_server.test_asking import work as policy_work

RUN = f"00-{'ab' * 16}-{'12' * 8}-01"
KNOWN: tuple[EffectKind[Any, Any], ...] = (MODEL_CALL, TOOL_CALL, CONTEXT_CALL)

Place = Callable[..., Any]


class AnySchema:
    """A registry that takes every schema."""

    def __init__(self) -> None:
        self._schemas: list[str] = []

    def id_of(self, subject: str, schema: str) -> int:
        if schema not in self._schemas:
            self._schemas.append(schema)
        return self._schemas.index(schema) + 1

    def schema_of(self, schema_id: int) -> str:
        return self._schemas[schema_id - 1]


@pytest.fixture
def codec(monkeypatch: pytest.MonkeyPatch) -> Codec:
    monkeypatch.setitem(CATALOGUE, ECHO.topic, (ECHO.work,))
    monkeypatch.setitem(CATALOGUE, topics.RESULTS, (*CATALOGUE[topics.RESULTS], ECHO.result))
    return Codec(AnySchema())


@pytest.fixture(params=["local", "pool"])
def answer(request: pytest.FixtureRequest, codec: Codec) -> Iterator[Place]:
    """Makes calls in one of the two placements and returns the results by call."""
    closed: list[Callable[[], object]] = []

    def make(*works: EchoWork, **more: Any) -> list[CallResult]:
        effects = LocalEffects(Served(ECHO_CALL, shout), grace_s=0.05, **more)
        closed.append(effects.close)
        found: list[Record] = []
        if request.param == "local":
            inbox = Inbox()
            effects.submit_many(works, inbox.deliver)
            found += inbox.wait(len(works))
        else:
            pool = MemoryPool(ECHO, codec, effects)
            for work in works:
                pool.publish(codec.encode(ECHO.topic, work), work.run_id.encode())
            found += pool.wait(len(works))
            assert pool.committed() == len(works)
        effects.close()
        results = [each for each in found if isinstance(each, CallResult)]
        assert all(each.queued_ms is not None for each in results)
        plain = [each.model_copy(update={"queued_ms": None}) for each in results]
        return sorted(plain, key=lambda result: result.call_id)

    yield make
    for close in closed:
        close()


def failed(call_id: str, error: ErrorInfo) -> EchoResult:
    return EchoResult(
        run_id="r", call_id=call_id, attempt=1, outcome=Outcome.FAILED, latency_ms=0, error=error
    )


def test_a_new_kind_is_answered_wherever_it_is_placed(answer: Place) -> None:
    (said, refused) = answer(echo_work("hey", "r.1"), echo_work("refuse", "r.2"))
    assert said == EchoResult(
        run_id="r",
        call_id="r.1",
        attempt=1,
        outcome=Outcome.SUCCEEDED,
        latency_ms=0,
        echo="HEY",
    )
    denied = ErrorInfo(error_type="denied", message="not that", retryable=False)
    assert refused == failed("r.2", denied)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("break", "The effect processor failed with ZeroDivisionError; its log has the rest."),
        ("nothing", "The effect processor failed with TypeError; its log has the rest."),
    ],
)
def test_a_broken_handler_is_reported_as_its_kind_says(
    answer: Place, words: str, message: str
) -> None:
    (result,) = answer(echo_work(words))
    error = ErrorInfo(
        error_type="internal_error",
        message=message,
        retryable=True,
        suggested_next_action="Look into the log of the process that made the call.",
    )
    assert result.model_copy(update={"latency_ms": 0}) == failed("r.1", error)


def test_a_call_that_does_not_end_is_given_up(answer: Place) -> None:
    (result,) = answer(echo_work("hang"))
    error = ErrorInfo(
        error_type="timeout", message="The call was given up after 0.07 s.", retryable=True
    )
    assert result.model_copy(update={"latency_ms": 0}) == failed("r.1", error)


@pytest.mark.parametrize("content", [False, True])
def test_a_call_of_a_new_kind_has_its_own_span(answer: Place, *, content: bool) -> None:
    exporter = InMemorySpanExporter()
    traces = Traces("test", exporter, Sampler(1.0), content=content)
    answer(echo_work("hey", traceparent=RUN), traces=traces)
    traces.close()
    (span,) = exporter.get_finished_spans()
    assert span.name == "echo 3"
    assert span.attributes == {
        names.RUN_ID: "r",
        names.CALL_ID: "r.1",
        names.ATTEMPT: 1,
        names.TENANT: "acme",
        names.AGENT_NAME: "a",
        names.AGENT_VERSION: "1",
        names.PROMPT_VERSION: "p",
        "echo.outcome": "succeeded",
        **({"echo.words": "hey", "echo.echo": "HEY"} if content else {}),
    }


def test_calls_of_a_new_kind_are_counted(answer: Place) -> None:
    def waited() -> float:
        labels = {"kind": "echo"}
        return TABLE.registry.get_sample_value("runfold_effect_wait_seconds_count", labels) or 0.0

    before = waited()
    answer(echo_work("hey"))
    assert waited() == before + 1


def test_a_pool_makes_a_repeated_call_once_and_answers_for_both_records(codec: Codec) -> None:
    may_end, made = threading.Event(), []

    async def waits(work: EchoWork) -> EchoResult:
        made.append(work.call_id)
        await asyncio.to_thread(may_end.wait)
        return await shout(work)

    pool = MemoryPool(ECHO, codec, LocalEffects(Served(ECHO_CALL, waits)))
    asked = codec.encode(ECHO.topic, echo_work("hey", timeout_ms=20_000))
    assert (pool.publish(asked), pool.publish(asked), pool.committed()) == (0, 1, 0)
    may_end.set()
    assert len(pool.wait(1)) == 1
    assert pool.close()
    assert (made, pool.committed()) == (["r.1"], 2)


def test_what_is_not_work_of_the_pool_becomes_a_dead_letter(codec: Codec) -> None:
    pool = MemoryPool(ECHO, codec, LocalEffects(Served(ECHO_CALL, shout)))
    pool.publish(b"rubbish", b"k")
    pool.publish(codec.encode(topics.TOOL_CALLS, tool_work()))
    pool.publish(codec.encode(ECHO.topic, echo_work("hey")))
    assert len(pool.wait(1)) == 1
    first, second = pool.dead_letters()
    assert (first.code, first.topic, first.offset, first.key) == (
        "not_framed",
        "echo.calls",
        0,
        b"k",
    )
    assert (second.code, second.offset) == ("wrong_topic", 1)
    assert pool.committed() == 3
    pool.close()


def test_a_result_too_large_for_the_log_becomes_a_failure_without_its_contents(
    codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A text is cut at the border; what is not a text can still be too large.
    monkeypatch.setattr(topics, "MAX_INPUT_BYTES", 5_000)
    pool = MemoryPool(ECHO, codec, LocalEffects(Served(ECHO_CALL, shout)))
    pool.publish(codec.encode(ECHO.topic, echo_work("x" * 8_000)))
    (result,) = pool.wait(1)
    pool.close()
    assert isinstance(result, EchoResult)
    assert result.error is not None
    assert (result.outcome, result.echo, result.error.error_type) == (
        Outcome.FAILED,
        None,
        "too_large",
    )


def test_a_process_refuses_work_of_a_kind_that_it_does_not_serve() -> None:
    effects = LocalEffects(Served(ECHO_CALL, shout))
    with pytest.raises(TypeError, match="ToolWork is not work that this process does"):
        effects.submit(tool_work(), Inbox().deliver)
    effects.close()


@pytest.mark.parametrize("kind", [*KNOWN, POLICY_CALL, ECHO_CALL], ids=lambda kind: kind.name)
def test_every_kind_reports_a_broken_call_under_its_own_name(kind: EffectKind[Any, Any]) -> None:
    works: dict[str, Any] = {
        "model": model_work(),
        "tool": tool_work(),
        "context": context_work(),
        "echo": echo_work("hey"),
        "policy": policy_work().model_copy(update={"attempt": 1}),
    }
    work = works[kind.name]
    error = ErrorInfo(error_type="internal_error", message="broken", retryable=False)
    result = kind.on_broken(work, error, 7)
    assert type(result) is kind.call.result
    assert (result.run_id, result.call_id, result.attempt) == (work.run_id, work.call_id, 1)
    assert result.outcome is not Outcome.SUCCEEDED
    assert (result.error, result.latency_ms) == (error, 7)


def test_every_kind_of_call_has_a_kind_of_effect() -> None:
    # Questions to policy servers are asked where the run is decided: they have no pool.
    assert [kind.call for kind in [*KNOWN, POLICY_CALL]] == list(KINDS)


def test_topics_and_catalogue_follow_the_table() -> None:
    pooled = [kind for kind in KINDS if kind is not POLICY]
    assert {kind.topic for kind in pooled} <= {topic.name for topic in topics.TOPICS}
    for kind in pooled:
        assert CATALOGUE[kind.topic] == (kind.work,)
        assert kind.result in CATALOGUE[topics.RESULTS]


def test_only_a_result_of_an_effect_must_be_recorded_when_nobody_waits() -> None:
    work = tool_work()
    assert not succeeded(work).acted
    assert succeeded(work).model_copy(update={"effect": True}).acted
    assert not failed("r.1", ErrorInfo(error_type="x", message="", retryable=False)).acted


def test_a_result_without_its_contents_keeps_the_rest() -> None:
    error = ErrorInfo(error_type="too_large", message="", retryable=False)
    result = succeeded(tool_work(), {"found": 1})
    assert result.result == json_content({"found": 1})
    expected = result.model_copy(update={"outcome": Outcome.FAILED, "result": None, "error": error})
    assert result.emptied(error) == expected
