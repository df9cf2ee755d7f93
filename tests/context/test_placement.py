"""Context calls in this process and in a pool, with what may go wrong there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.calls import ContextResult, ContextWork, Outcome
from runfold.events.calls.kinds import CONTEXT
from runfold.events.contents.content import text
from runfold.events.contents.transcript import read
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.infra.tracing import names
from runfold.infra.tracing.sampling import Sampler
from runfold.infra.tracing.spans import Traces
from runfold.processors.context.kind import CONTEXT_CALL
from runfold.processors.context.processor import ContextProcessor
from runfold.processors.effects.kinds import Handler, Served
from runfold.processors.effects.local import LocalEffects
from runfold.processors.effects.pool.memory import MemoryPool
from tests.context.given import context_work, said
from tests.context.test_processor import ENTRIES, kept
from tests.effects.given import Inbox

RUN = f"00-{'ab' * 16}-{'12' * 8}-01"
CODEC = Codec(LockRegistry())

Answer = Callable[..., list[ContextResult]]


@pytest.fixture(params=["local", "pool"])
def answer(request: pytest.FixtureRequest) -> Iterator[Answer]:
    """Makes calls in one of the two placements and returns the results by call."""
    hosts: list[LocalEffects] = []

    def make(
        *works: ContextWork, handler: Handler[ContextWork, ContextResult] | None = None, **more: Any
    ) -> list[ContextResult]:
        made = handler or ContextProcessor(MemoryArtifacts()).call
        effects = LocalEffects(Served(CONTEXT_CALL, made), **more)
        hosts.append(effects)
        if request.param == "local":
            inbox = Inbox()
            effects.submit_many(works, inbox.deliver)
            found = list(inbox.wait(len(works)))
        else:
            pool = MemoryPool(CONTEXT, CODEC, effects)
            for work in works:
                pool.publish(CODEC.encode(topics.CONTEXT_CALLS, work), work.run_id.encode())
            found = list(pool.wait(len(works)))
            assert pool.committed() == len(works)
        results = [each for each in found if isinstance(each, ContextResult)]
        return sorted(results, key=lambda result: result.call_id)

    yield make
    for effects in hosts:
        effects.close()


def test_every_selection_comes_back_to_its_run(answer: Answer) -> None:
    works = [context_work(*ENTRIES, budget=10 * n, call_id=f"run-{n}.1") for n in range(2, 6)]
    results = answer(*works)
    assert [result.run_id for result in results] == ["run-2", "run-3", "run-4", "run-5"]
    for result, size in zip(results, (2, 3, 4, 5), strict=True):
        assert result.content is not None
        assert result.content.inline is not None
        assert len(read(result.content.inline)) == result.selected_count == size


def test_a_missing_artifact_and_a_small_budget_are_failures(answer: Answer) -> None:
    missing = context_work(sources=kept(MemoryArtifacts(), *ENTRIES), call_id="r.1")
    small = context_work(*ENTRIES, budget=1, call_id="r.2")
    found = [(result.outcome, result.error) for result in answer(missing, small)]
    assert [(outcome, error and error.error_type) for outcome, error in found] == [
        (Outcome.FAILED, "content_unavailable"),
        (Outcome.FAILED, "over_budget"),
    ]


def test_a_broken_processor_is_a_failure_that_may_be_retried(answer: Answer) -> None:
    async def broken(_work: ContextWork) -> ContextResult:
        raise ZeroDivisionError("what a customer said")

    (result,) = answer(context_work(*ENTRIES), handler=broken)
    assert (result.outcome, result.content) == (Outcome.FAILED, None)
    assert result.error is not None
    assert (result.error.error_type, result.error.retryable) == ("internal_error", True)
    assert "customer" not in result.error.message


@pytest.mark.parametrize("content", [False, True])
def test_a_selection_has_a_span_that_quotes_only_where_it_may(
    answer: Answer, *, content: bool
) -> None:
    exporter = InMemorySpanExporter()
    traces = Traces("test", exporter, Sampler(1.0), content=content)
    work = context_work(*ENTRIES, budget=30, traceparent=RUN, query=text("canary-7f3a"))
    answer(work, traces=traces)
    traces.close()
    (span,) = exporter.get_finished_spans()
    assert span.name == "select_context"
    found = dict(span.attributes or {})
    assert found[names.CONTEXT_SOURCES] == ("transcript",)
    assert (found[names.CONTEXT_BUDGET], found[names.CONTEXT_TOKENS]) == (30, 30)
    assert (found[names.CONTEXT_SELECTED], found[names.CONTEXT_DROPPED]) == (3, 3)
    assert ("canary-7f3a" in str(found)) == content


def test_tenants_take_turns() -> None:
    order: list[str] = []
    processor = ContextProcessor(MemoryArtifacts())

    async def noting(work: ContextWork) -> ContextResult:
        order.append(work.call_id)
        return await processor.call(work)

    effects, inbox = LocalEffects(Served(CONTEXT_CALL, noting, at_once=1)), Inbox()
    many = [context_work(said("1", "a"), call_id=f"m.{n}", tenant_id="many") for n in range(4)]
    few = [context_work(said("1", "a"), call_id="f.1", tenant_id="few")]
    effects.submit_many([*many, *few], inbox.deliver)
    inbox.wait(5)
    effects.close()
    assert order.index("f.1") < order.index("m.3")
