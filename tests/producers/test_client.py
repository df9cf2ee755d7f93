"""What a program can say to a run and hear of it, by either client, on the log in memory."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span

from runfold.events import topics
from runfold.events.avro.samples import sample
from runfold.events.base import Fact
from runfold.events.contents.content import text
from runfold.events.records import commands
from runfold.events.run import Event, Meta, RunCompleted, RunStarted, ToolCallStarted
from runfold.events.topics import MAX_INPUT_BYTES
from runfold.events.values import Limits
from runfold.producers.client import AsyncRunClient, RunClient
from runfold.producers.errors import NotYetError, RefusedError
from runfold.producers.identity import current_traceparent, made_at, uuid7
from runfold.producers.log.memory import MemoryLog
from tests.contracts.logs import CODEC
from tests.producers.clients import driven


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog(CODEC, [topic.name for topic in topics.TOPICS])


@pytest.fixture(params=["blocking", "asyncio"])
def client(request: pytest.FixtureRequest, log: MemoryLog) -> Iterator[RunClient]:
    if request.param == "asyncio":
        with driven(AsyncRunClient(log, log, tenant_id="acme", user_id="ada")) as found:
            yield found
        return
    blocking = RunClient(log, log, tenant_id="acme", user_id="ada")
    yield blocking
    blocking.close()


def event(run_id: str, seq: int, kind: type[Fact]) -> Event:
    meta = sample(Meta).model_copy(update={"run_id": run_id, "seq": seq})
    fact = sample(kind)
    assert isinstance(meta, Meta)
    assert isinstance(fact, Fact)
    return Event(meta, fact)


def test_a_request_says_who_wants_what(client: RunClient, log: MemoryLog) -> None:
    run_id = client.request(
        "count the errors", "log-triage@1.2.0", limits=Limits(max_cost=Decimal(1)), feature="ops"
    )
    [found] = log.read(topics.REQUESTS)
    said = found.record
    assert isinstance(said, commands.RunRequested)
    assert (said.run_id, found.key) == (run_id, run_id.encode())
    assert (said.tenant_id, said.user_id) == ("acme", "ada")
    assert (said.agent, said.agent_version) == ("log-triage", "1.2.0")
    assert said.goal == text("count the errors")
    assert said.limits == Limits(max_cost=Decimal(1))
    assert said.feature == "ops"


def test_a_chosen_run_id_is_kept(client: RunClient, log: MemoryLog) -> None:
    chosen = uuid7()
    assert client.request("g", "a", run_id=chosen, tenant_id="other") == chosen
    [found] = log.read(topics.REQUESTS)
    assert isinstance(found.record, commands.RunRequested)
    assert found.record.tenant_id == "other"


def test_a_goal_beyond_the_limit_is_refused(client: RunClient, log: MemoryLog) -> None:
    with pytest.raises(RefusedError, match="put it into a file"):
        client.request("x" * (MAX_INPUT_BYTES + 1), "a")
    with pytest.raises(RefusedError, match="put large texts into files"):
        client.request("x" * (MAX_INPUT_BYTES - 10), "a")
    assert list(log.read(topics.REQUESTS)) == []


def test_a_request_that_cannot_be_meant_is_refused_by_its_field(client: RunClient) -> None:
    with pytest.raises(RefusedError, match="This is not a valid RunRequested: priority"):
        client.request("g", "a", priority="high")  # type: ignore[typeddict-item]
    with pytest.raises(RefusedError, match="This is not a valid RunRequested: deadline"):
        client.request("g", "a", deadline=datetime(2026, 1, 1))  # noqa: DTZ001


def test_every_control_reaches_the_run(client: RunClient, log: MemoryLog) -> None:
    ids = [
        client.approve("r", "c", arguments=text("{}"), comment="ok"),
        client.deny("r", "c", "no"),
        client.resolve("r", "c", commands.Resolution.HAPPENED, result=text("done")),
        client.pause("r", "lunch"),
        client.resume("r"),
        client.cancel("r", "enough"),
        client.tell("r", "hello"),
        client.instruct("r", "be brief"),
        client.answer("r", "q", text("42")),
    ]
    found = [each.record for each in log.read(topics.CONTROLS, key="r")]
    assert [type(each) for each in found] == [
        commands.ApproveToolCall, commands.DenyToolCall, commands.ResolveToolCall,
        commands.PauseRun, commands.ResumeRun, commands.CancelRun,
        commands.SendMessage, commands.EditInstructions,
        commands.AnswerQuestion,
    ]  # fmt: skip
    controls = [each for each in found if isinstance(each, commands.Control)]
    assert [each.request_id for each in controls] == ids
    assert {(each.run_id, each.tenant_id, each.actor_id) for each in controls} == {
        ("r", "acme", "ada")
    }
    assert len(set(ids)) == len(ids)


def test_a_completion_is_found_among_others(client: RunClient, log: MemoryLog) -> None:
    mine, other = uuid7(), uuid7()
    with pytest.raises(NotYetError, match="has not ended within 0 s"):
        client.completion(mine, timeout=0)
    for run_id in (other, mine):
        log.append_event(event(run_id, 9, RunCompleted), topics.COMPLETIONS)
    assert client.completion(mine, timeout=5) == event(mine, 9, RunCompleted)
    assert client.completion(mine, timeout=0).meta.run_id == mine


def test_events_are_one_run_s_and_end_with_it(client: RunClient, log: MemoryLog) -> None:
    mine, other = uuid7(), uuid7()
    for seq, kind in enumerate((RunStarted, ToolCallStarted), 1):
        log.append_event(event(mine, seq, kind), topics.EVENTS)
        log.append_event(event(other, seq, kind), topics.EVENTS)
    assert [each.meta.seq for each in client.events(mine)] == [1, 2]
    assert [each.meta.seq for each in client.events(mine, follow=True, timeout=0.2)] == [1, 2]
    log.append_event(event(mine, 3, RunCompleted), topics.EVENTS)
    followed = list(client.events(mine, follow=True))
    assert [each.type for each in followed] == ["RunStarted", "ToolCallStarted", "RunCompleted"]


def test_events_go_on_after_any_of_them(client: RunClient, log: MemoryLog) -> None:
    mine = uuid7()
    for seq, kind in enumerate((RunStarted, ToolCallStarted, RunCompleted), 1):
        log.append_event(event(mine, seq, kind), topics.EVENTS)
    for after in range(4):
        rest = list(range(after + 1, 4))
        assert [each.meta.seq for each in client.events(mine, after_seq=after)] == rest
        # Also after the last: the run has ended, and nothing is waited for.
        followed = client.events(mine, after_seq=after, follow=True)
        assert [each.meta.seq for each in followed] == rest


def test_both_clients_have_the_same_methods() -> None:
    def public(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(member).parameters)
            for name, member in vars(kind).items()
            if not name.startswith("_") and callable(member)
        }

    assert public(AsyncRunClient) == public(RunClient)


def test_a_foreign_run_id_is_read_from_the_beginning(client: RunClient, log: MemoryLog) -> None:
    old = datetime.now(UTC) - timedelta(days=9)
    said = event("my-run", 1, RunStarted)
    value = CODEC.encode_event(said.meta, said.fact)
    log.append(topics.EVENTS, value, b"my-run", appended_at=old)
    assert list(client.events("my-run")) == [said]


def test_a_uuid7_is_one_and_tells_its_time() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    made = uuid7(at)
    assert made[14] == "7"
    assert made[19] in "89ab"
    assert made_at(made) == at
    assert uuid7(at) != made
    assert made_at("my-run") is None
    assert made_at("8b2c7a3e-6d0f-4c7e-9a53-1f0f3f0f3f0f") is None
    assert min(uuid7(), made) == made


def test_a_program_that_is_in_a_span_says_so_in_w3c_s_form() -> None:
    assert current_traceparent() == ""
    span = SpanContext(0xAB, 0xCD, is_remote=False, trace_flags=TraceFlags(1))
    with use_span(NonRecordingSpan(span)):
        assert current_traceparent() == f"00-{'0' * 30}ab-{'0' * 14}cd-01"
