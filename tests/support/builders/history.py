"""A run's events as a journal holds them, without an engine: chained, with their bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from runfold.events import run as j
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.base import Fact, money
from runfold.events.contents.content import json_content, text
from runfold.events.values import (
    Actor,
    ActorKind,
    Counters,
    ExitStatus,
    Label,
    Limits,
    PriceSnapshot,
    RunRequest,
    RunStatus,
    Usage,
)
from runfold.projections.view import Batch, Placed
from tests.support.builders import facts

CODEC = Codec(LockRegistry())
START = datetime(2026, 1, 1, tzinfo=UTC)
MODEL = "scripted:triage"
_ACTORS = {
    ActorKind.CLIENT: "u1",
    ActorKind.PERSON: "ada",
    ActorKind.POLICY: "rulebook",
    ActorKind.SYSTEM: "run",
    ActorKind.MODEL: "scripted",
    ActorKind.TOOL: "files.read",
}


@dataclass
class History:
    """One run's events, each chained to the one before, with their bytes."""

    run_id: str
    tenant_id: str = "acme"
    partition: int = 0
    events: list[j.Event] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)

    def time_of(self, seq: int) -> datetime:
        """When the event with this number happened."""
        return START + timedelta(milliseconds=7 * seq)

    def add(
        self, fact: Fact, status: RunStatus = RunStatus.PLANNING, by: ActorKind = ActorKind.SYSTEM
    ) -> Self:
        """Append a fact."""
        seq = len(self.events) + 1
        previous = hashlib.sha256(self.values[-1]).digest() if self.values else j.GENESIS
        meta = j.Meta(
            run_id=self.run_id,
            seq=seq,
            tenant_id=self.tenant_id,
            time=self.time_of(seq),
            status=status,
            cause=f"runs.results/{self.partition}/{seq}",
            actor=Actor(kind=by, id=_ACTORS[by]),
            traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            prev_hash=previous,
        )
        self.events.append(j.Event(meta, fact))
        self.values.append(CODEC.encode_event(meta, fact))
        return self

    def placed(self, first_offset: int = 0) -> list[Placed]:
        """The events as a reader finds them, one offset after the other."""
        return [
            Placed(
                event.meta,
                event.fact,
                self.partition,
                first_offset + number,
                hashlib.sha256(value).hexdigest(),
            )
            for number, (event, value) in enumerate(zip(self.events, self.values, strict=True))
        ]

    def batch(self) -> Batch:
        """The events as a projector takes them."""
        return Batch(events=self.placed())

    # What happens to a run, in the journal's words.

    def created(self, goal: str = "what went wrong?") -> Self:
        request = RunRequest(
            run_id=self.run_id,
            tenant_id=self.tenant_id,
            user_id="u1",
            agent="triage",
            goal=text(goal),
            requested_at=START,
            feature="logs",
            labels=(Label(key="team", value="core"),),
        )
        accepted = facts.accepted(request, MODEL, limits=Limits(max_model_calls=9), rulebook=3)
        self.add(accepted, RunStatus.CREATED, ActorKind.CLIENT)
        self.add(j.RunStarted())
        return self.add(
            j.UserMessageReceived(message_id="m1", kind=j.MessageKind.GOAL, content=text(goal)),
            by=ActorKind.CLIENT,
        )

    def asked_model(self, call: str, attempt: int = 1) -> Self:
        return self.add(facts.model_called(call, MODEL, attempt), RunStatus.WAITING_FOR_MODEL)

    def model_said(
        self, call: str, *tools: str, attempt: int = 1, cost: str | None = "0.0125"
    ) -> Self:
        price = PriceSnapshot(source="table", model="triage", input_mtok=money(1))
        said = facts.model_responded(
            call,
            MODEL,
            cost,
            attempt=attempt,
            tools=tools,
            said="I look closer.\nThen I say.",
            usage=Usage(input_tokens=100, output_tokens=20, cache_read_tokens=40),
            price=None if cost is None else price,
            latency_ms=12,
            first_token_ms=5,
        )
        return self.add(said, by=ActorKind.MODEL)

    def proposed(self, call: str, level: int = 0, arguments: object = None) -> Self:
        proposal = facts.tool_proposed(call, f"{self.run_id}.1", level=level, arguments=arguments)
        return self.add(proposal, by=ActorKind.MODEL)

    def decided(self, call: str, effect: j.PolicyEffect = j.PolicyEffect.PERMIT) -> Self:
        return self.add(
            j.PolicyDecided(
                effect=effect,
                policy_ids=("allow-list",),
                policy_digest=b"\3" * 32,
                principal="agent:triage",
                action="call",
                resource="tool:files.read",
                reason="on the list",
                call_id=call,
            ),
            by=ActorKind.POLICY,
        )

    def asked_person(self, call: str) -> Self:
        return self.add(facts.approval_requested(call), RunStatus.WAITING_FOR_HUMAN)

    def approved(self, call: str, by: ActorKind = ActorKind.POLICY, edit: object = None) -> Self:
        arguments = None if edit is None else json_content(edit)
        approval = j.ToolCallApproved(call_id=call, arguments=arguments)
        return self.add(approval, RunStatus.WAITING_FOR_TOOL, by)

    def started(self, call: str, attempt: int = 1) -> Self:
        return self.add(facts.tool_started(call, attempt=attempt), RunStatus.RUNNING_TOOL)

    def succeeded(self, call: str, attempt: int = 1, result: object = None) -> Self:
        lines = {"lines": ["eins\n", 'zwei "2" \\ \t']}
        success = facts.tool_succeeded(
            call, cost="0.001", attempt=attempt, result=result or lines, latency_ms=9
        )
        return self.add(success, RunStatus.CHECKPOINTING, ActorKind.TOOL)

    def failed_call(self, call: str, attempt: int = 1) -> Self:
        failure = facts.tool_failed(call, attempt=attempt)
        self.add(failure, RunStatus.CHECKPOINTING, ActorKind.TOOL)
        again = j.RetryScheduled(
            call_id=call, attempt=attempt + 1, due=START, delay_ms=5, reason="timeout"
        )
        return self.add(again, RunStatus.WAITING_FOR_TOOL)

    def checkpoint(self, step: int, *calls: str) -> Self:
        return self.add(
            j.CheckpointWritten(
                checkpoint_id=f"{self.run_id}/{step}",
                step_number=step,
                goal_digest=b"\5" * 32,
                context_digest=b"\2" * 32,
                context_messages=3,
                pending=(),
                completed=tuple(map(facts.call_summary, calls)),
                counters=Counters(step=step, cost=money("0.01")),
                resume_policy=j.ResumePolicy(safe_to_retry=True, max_attempts=3),
                state_hash=b"\7" * 32,
                model_call_id=f"{self.run_id}.1",
                decision_summary="look closer",
            )
        )

    def ended(self, status: ExitStatus = ExitStatus.SUCCESS) -> Self:
        used = facts.usage(
            "0.0135",
            total_tokens=120,
            input_tokens=100,
            output_tokens=20,
            latency_ms=900,
            model_calls=1,
            tool_calls=1,
        )
        end, now = facts.ended(status, used, {"answer": 42})
        by = ActorKind.PERSON if isinstance(end, j.RunCancelled) else ActorKind.SYSTEM
        return self.add(end, now, by)
