"""Spans as a collector receives them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from decimal import Decimal

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from runfold.events.base import Record
from runfold.events.calls import (
    Message,
    ModelResult,
    ModelWork,
    Outcome,
    Role,
    ToolResult,
    ToolWork,
)
from runfold.events.contents.content import json_content, text
from runfold.events.values import ErrorInfo, ExitStatus, ModelAnswer, ProposedCall, Usage
from runfold.infra.tracing import names
from runfold.infra.tracing.calls import trace_call
from runfold.infra.tracing.context import call_span, parsed
from runfold.infra.tracing.sampling import Sampler
from runfold.infra.tracing.spans import Traces
from runfold.processors.effects.kinds import Served
from runfold.processors.effects.local import LocalEffects
from runfold.processors.model.kind import MODEL_CALL
from runfold.processors.tool.kind import TOOL_CALL
from runfold.projections.observability.run_spans import RunSpans
from tests.effects.given import model_work, succeeded, tool_work
from tests.observability.collector import Collector, attributes, collecting
from tests.support.builders.history import History

RUN = f"00-{'ab' * 16}-{'12' * 8}-01"
CANARY = "canary-7f3a"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


def traces(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, service: str = "test", **more: str
) -> Traces:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
    for name, value in more.items():
        monkeypatch.setenv(name, value)
    made = Traces.from_env(service)
    assert made is not None
    return made


def asked(traceparent: str = RUN) -> ModelWork:
    return model_work("r.1").model_copy(
        update={
            "traceparent": traceparent,
            "instructions": text(CANARY),
            "messages": (Message(role=Role.USER, content=text(CANARY)),),
        }
    )


def answered(work: ModelWork) -> ModelResult:
    call = ProposedCall(id="c1", name="files.read", arguments=json_content({"path": CANARY}))
    return ModelResult(
        run_id=work.run_id,
        call_id=work.call_id,
        attempt=work.attempt,
        outcome=Outcome.SUCCEEDED,
        model="openai:gpt-5",
        provider="openai",
        latency_ms=5,
        answer=ModelAnswer(text=text(CANARY), tool_calls=(call,), finish_reason="tool_calls"),
        usage=Usage(input_tokens=900, output_tokens=60, cache_read_tokens=800),
        cost=Decimal("0.0125"),
        response_id="resp_1",
    )


def test_a_model_call_is_a_client_span_of_its_run(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = traces(collector, monkeypatch, "runfold-runs")
    work = asked()
    trace_call(sent, MODEL_CALL.span, work, answered(work), 1_000, 5_001_000)
    sent.close()
    (span,) = collector.spans
    said = attributes(span)

    assert (collector.paths, collector.services) == ({"/v1/traces"}, {"runfold-runs"})
    assert span.name == "chat scripted:x"
    assert span.kind == span.SPAN_KIND_CLIENT
    assert span.trace_id.hex() == "ab" * 16
    assert span.parent_span_id.hex() == "12" * 8
    assert int.from_bytes(span.span_id) == call_span("r.1", 1)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (1_000, 5_001_000)
    assert said[names.OPERATION] == "chat"
    assert said[names.PROVIDER] == "openai"
    assert said[names.RESPONSE_MODEL] == "openai:gpt-5"
    assert (said[names.INPUT_TOKENS], said[names.OUTPUT_TOKENS]) == (900, 60)
    assert said[names.CACHE_READ_TOKENS] == 800
    assert said[names.COST_USD] == 0.0125
    assert said[names.FINISH_REASONS] == ["tool_calls"]
    assert CANARY.encode() not in collector.raw


def test_content_is_told_only_when_asked_for(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = traces(collector, monkeypatch, RUNFOLD_TRACE_CONTENT="1")
    work = asked()
    trace_call(sent, MODEL_CALL.span, work, answered(work), 1, 2)
    tool = tool_work("r.2", traceparent=RUN, arguments=json_content({"q": CANARY}))
    trace_call(sent, TOOL_CALL.span, tool, succeeded(tool, {"found": CANARY}), 1, 2)
    sent.close()
    chat, called = (attributes(span) for span in collector.spans)

    assert CANARY in str(chat[names.SYSTEM_INSTRUCTIONS])
    assert CANARY in str(chat[names.INPUT_MESSAGES])
    assert '"name":"files.read"' in str(chat[names.OUTPUT_MESSAGES])
    assert CANARY in str(called[names.TOOL_ARGUMENTS])
    assert CANARY in str(called[names.TOOL_RESULT])


def test_a_failed_tool_call_names_its_error_and_not_its_message(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = traces(collector, monkeypatch)
    work = tool_work("r.2", 2, traceparent=RUN)
    error = ErrorInfo(error_type="timeout", message=CANARY, retryable=True)
    result = ToolResult(
        run_id="r", call_id="r.2", attempt=2, outcome=Outcome.FAILED, latency_ms=1, error=error
    )
    trace_call(sent, TOOL_CALL.span, work, result, 1, 2)
    sent.close()
    (span,) = collector.named("execute_tool t")

    assert span.status.code == span.status.STATUS_CODE_ERROR
    assert attributes(span)[names.ERROR_TYPE] == "timeout"
    assert attributes(span)[names.ATTEMPT] == 2
    assert CANARY.encode() not in collector.raw


def test_a_run_that_is_not_sampled_sends_nothing(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = traces(collector, monkeypatch, OTEL_TRACES_SAMPLER="always_off")
    trace_call(sent, MODEL_CALL.span, asked(), answered(asked()), 1, 2)
    sent.close()

    assert collector.spans == []


def test_the_host_of_effects_emits_a_span_a_call(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = traces(collector, monkeypatch)
    done = threading.Semaphore(0)

    async def handler(work: ToolWork) -> ToolResult:
        await asyncio.sleep(0)
        return succeeded(work)

    effects = LocalEffects(Served(TOOL_CALL, handler), traces=sent)
    works: list[Record] = [tool_work(f"r.{n}", traceparent=RUN) for n in range(3)]
    works.append(tool_work("r.9", traceparent="no trace"))
    effects.submit_many(works, lambda _result: done.release())
    assert all(done.acquire(timeout=10) for _ in works)
    effects.close()
    sent.close()

    assert {attributes(span)[names.CALL_ID] for span in collector.spans} == {"r.0", "r.1", "r.2"}


def test_a_run_is_the_root_of_its_trace_with_what_happened(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = traces(collector, monkeypatch)
    run = History("run-1").created(CANARY).asked_model("c1").model_said("c1", "files.read")
    run.proposed("c2").decided("c2").asked_person("c2").approved("c2").started("c2")
    run.succeeded("c2").checkpoint(1, "c2").ended(ExitStatus.FAILURE)
    RunSpans(sent).committed(run.placed())
    sent.close()
    approval, whole = collector.spans
    known = parsed(run.events[0].meta.traceparent)
    happened = [event.name for event in whole.events]

    assert known is not None
    assert whole.name == "invoke_agent triage"
    assert whole.parent_span_id == b""
    assert int.from_bytes(whole.span_id) == known.span_id
    assert whole.status.code == whole.status.STATUS_CODE_ERROR
    assert {"PolicyDecided", "ApprovalRequested", "ToolCallApproved"} <= set(happened)
    assert "CheckpointWritten" in happened
    assert attributes(whole)[names.AGENT_NAME] == "triage"
    assert approval.name.startswith("approval ")
    assert int.from_bytes(approval.parent_span_id) == known.span_id
    assert approval.end_time_unix_nano > approval.start_time_unix_nano
    assert CANARY.encode() not in collector.raw


def test_without_an_endpoint_nothing_of_opentelemetry_is_made() -> None:
    assert Traces.from_env("x", {}) is None
    off = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}
    assert Traces.from_env("x", off) is None


def test_a_collector_that_hangs_holds_nobody_up() -> None:
    answer = threading.Event()

    class Hanging(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            answer.wait()
            return SpanExportResult.SUCCESS

    sent = Traces("x", Hanging(), Sampler(1.0))
    trace_call(sent, MODEL_CALL.span, asked(), answered(asked()), 1, 2)
    sent.close()

    # Had it waited for the collector, nobody would have come here.
    assert not answer.is_set()
    answer.set()
