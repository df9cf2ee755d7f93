"""Valid histories of runs, made by a seed: what a journal holds, without an engine."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from runfold.events import run as j
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.base import Fact, money
from runfold.events.content import json_content, text
from runfold.events.values import (
    Actor,
    ActorKind,
    Attribution,
    Counters,
    ErrorInfo,
    Exit,
    ExitStatus,
    ExitUsage,
    Label,
    Limits,
    ModelAnswer,
    Pin,
    Placement,
    PriceSnapshot,
    ProposedCall,
    RunRequest,
    RunStatus,
    Usage,
)
from runfold.projections.view import Batch, Placed

CODEC = Codec(LockRegistry())
ATTRIBUTION = Attribution(
    user_id="u1", agent="triage", agent_version="1.0.0", prompt_version="p1", feature="logs"
)
_START = datetime(2026, 1, 1, tzinfo=UTC)
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

    def add(
        self, fact: Fact, status: RunStatus = RunStatus.PLANNING, by: ActorKind = ActorKind.SYSTEM
    ) -> History:
        seq = len(self.events) + 1
        previous = hashlib.sha256(self.values[-1]).digest() if self.values else j.GENESIS
        meta = j.Meta(
            run_id=self.run_id,
            seq=seq,
            tenant_id=self.tenant_id,
            time=_START + timedelta(milliseconds=7 * seq),
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
        return Batch(events=self.placed())

    # What happens to a run, in the journal's words.

    def created(self, goal: str = "what went wrong?") -> History:
        request = RunRequest(
            run_id=self.run_id,
            tenant_id=self.tenant_id,
            user_id="u1",
            agent="triage",
            goal=text(goal),
            requested_at=_START,
            feature="logs",
            labels=(Label(key="team", value="core"),),
        )
        pin = Pin(name="triage", version="1.0.0", digest=b"\1" * 32)
        self.add(
            j.RunCreated(
                request=request,
                agent=pin,
                tools=(),
                prompt_version="p1",
                model="scripted:triage",
                limits=Limits(max_model_calls=9),
                rulebook=3,
            ),
            RunStatus.CREATED,
            ActorKind.CLIENT,
        )
        self.add(j.RunStarted())
        return self.add(
            j.UserMessageReceived(message_id="m1", kind=j.MessageKind.GOAL, content=text(goal)),
            by=ActorKind.CLIENT,
        )

    def asked_model(self, call: str, attempt: int = 1) -> History:
        return self.add(
            j.ModelCalled(
                call_id=call,
                attempt=attempt,
                model="scripted:triage",
                fallbacks=(),
                routing_reason="only model",
                prompt_version="p1",
                context_digest=b"\2" * 32,
                placement=Placement.LOCAL,
                timeout_ms=1000,
            ),
            RunStatus.WAITING_FOR_MODEL,
        )

    def model_said(
        self, call: str, *tools: str, attempt: int = 1, cost: str | None = "0.0125"
    ) -> History:
        return self.add(
            j.ModelResponded(
                call_id=call,
                attempt=attempt,
                model="scripted:triage",
                provider="scripted",
                decision=j.DecisionRecord(
                    decision_type="tool_call",
                    selected_tools=tools,
                    summary="look closer",
                    context_digest=b"\2" * 32,
                ),
                answer=ModelAnswer(
                    text=text("I look closer.\nThen I say."),
                    tool_calls=tuple(
                        ProposedCall(id=f"p{n}", name=name, arguments=json_content({"path": "a"}))
                        for n, name in enumerate(tools)
                    ),
                    finish_reason="tool_calls",
                ),
                usage=Usage(input_tokens=100, output_tokens=20, cache_read_tokens=40),
                cost=None if cost is None else money(cost),
                price=None
                if cost is None
                else PriceSnapshot(source="table", model="triage", input_mtok=money(1)),
                latency_ms=12,
                attribution=ATTRIBUTION,
                time_to_first_token_ms=5,
            ),
            by=ActorKind.MODEL,
        )

    def proposed(self, call: str, level: int = 0, arguments: object = None) -> History:
        self.add(
            j.ToolCallProposed(
                call_id=call,
                model_call_id=f"{self.run_id}.1",
                provider_call_id="p0",
                tool="files.read",
                tool_version="1.0.0",
                arguments=json_content(arguments or {"path": "a", "max": 1.50}),
                reason="to see",
                risk_level=level,
                idempotency_key=call,
            ),
            by=ActorKind.MODEL,
        )
        return self

    def decided(self, call: str, effect: j.PolicyEffect = j.PolicyEffect.PERMIT) -> History:
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

    def asked_person(self, call: str) -> History:
        return self.add(
            j.ApprovalRequested(
                call_id=call,
                tool="files.read",
                question="May it read?",
                arguments_digest=b"\4" * 32,
                risk_level=1,
            ),
            RunStatus.WAITING_FOR_HUMAN,
        )

    def approved(self, call: str, by: ActorKind = ActorKind.POLICY, edit: object = None) -> History:
        return self.add(
            j.ToolCallApproved(
                call_id=call, arguments=None if edit is None else json_content(edit)
            ),
            RunStatus.WAITING_FOR_TOOL,
            by,
        )

    def started(self, call: str, attempt: int = 1) -> History:
        return self.add(
            j.ToolCallStarted(
                call_id=call,
                attempt=attempt,
                tool="files.read",
                placement=Placement.POOL,
                idempotency_key=call,
                timeout_ms=1000,
            ),
            RunStatus.RUNNING_TOOL,
        )

    def succeeded(self, call: str, attempt: int = 1, result: object = None) -> History:
        return self.add(
            j.ToolCallSucceeded(
                call_id=call,
                attempt=attempt,
                tool="files.read",
                result=json_content(result or {"lines": ["eins\n", 'zwei "2" \\ \t']}),
                latency_ms=9,
                attribution=ATTRIBUTION,
                cost=money("0.001"),
            ),
            RunStatus.CHECKPOINTING,
            ActorKind.TOOL,
        )

    def failed_call(self, call: str, attempt: int = 1) -> History:
        self.add(
            j.ToolCallFailed(
                call_id=call,
                attempt=attempt,
                tool="files.read",
                error=ErrorInfo(error_type="timeout", message="too slow", retryable=True),
                latency_ms=1000,
                attribution=ATTRIBUTION,
            ),
            RunStatus.CHECKPOINTING,
            ActorKind.TOOL,
        )
        return self.add(
            j.RetryScheduled(
                call_id=call, attempt=attempt + 1, due=_START, delay_ms=5, reason="timeout"
            ),
            RunStatus.WAITING_FOR_TOOL,
        )

    def checkpoint(self, step: int, *calls: str) -> History:
        return self.add(
            j.CheckpointWritten(
                checkpoint_id=f"{self.run_id}/{step}",
                step_number=step,
                goal_digest=b"\5" * 32,
                context_digest=b"\2" * 32,
                context_messages=3,
                pending=(),
                completed=tuple(
                    j.CallSummary(
                        call_id=call,
                        tool="files.read",
                        status="succeeded",
                        attempt=1,
                        idempotency_key=call,
                        approval="not_required",
                        arguments_digest=b"\4" * 32,
                        result_digest=b"\6" * 32,
                    )
                    for call in calls
                ),
                counters=Counters(step=step, cost=money("0.01")),
                resume_policy=j.ResumePolicy(safe_to_retry=True, max_attempts=3),
                state_hash=b"\7" * 32,
                model_call_id=f"{self.run_id}.1",
                decision_summary="look closer",
            )
        )

    def ended(self, status: ExitStatus = ExitStatus.SUCCESS) -> History:
        exit_record = Exit(
            status=status,
            exit_code={ExitStatus.SUCCESS: 0, ExitStatus.FAILURE: 1}.get(status, 3),
            signal="complete",
            payload=json_content({"answer": 42}),
            usage=ExitUsage(
                total_tokens=120,
                input_tokens=100,
                output_tokens=20,
                cost_usd=money("0.0135"),
                latency_ms=900,
                model_calls=1,
                tool_calls=1,
            ),
        )
        agent = {"agent": "triage", "agent_version": "1.0.0", "user_id": "u1"}
        match status:
            case ExitStatus.SUCCESS:
                return self.add(j.RunCompleted(exit=exit_record, **agent), RunStatus.COMPLETED)
            case ExitStatus.FAILURE:
                error = ErrorInfo(error_type="gave_up", message="no way", retryable=False)
                return self.add(
                    j.RunFailed(exit=exit_record, error=error, **agent), RunStatus.FAILED
                )
            case _:
                return self.add(
                    j.RunCancelled(exit=exit_record, reason="enough", request_id="c1", **agent),
                    RunStatus.CANCELLED,
                    ActorKind.PERSON,
                )


def tool_call(history: History, call: str, rng: random.Random) -> None:
    """One call from proposal to result, some with approval, edits, failures, refusals."""
    kind = rng.randrange(6)
    history.proposed(call, level=kind % 2)
    if kind == 5:
        history.decided(call, j.PolicyEffect.FORBID)
        history.add(j.ToolCallDenied(call_id=call, reason="not allowed"), by=ActorKind.POLICY)
        return
    history.decided(call)
    if kind in {1, 3}:
        history.asked_person(call)
        history.approved(call, ActorKind.PERSON, {"path": "b"} if kind == 3 else None)
    else:
        history.approved(call)
    history.started(call)
    if kind == 4:
        history.failed_call(call)
        history.started(call, 2)
    history.succeeded(call, 2 if kind == 4 else 1)


def history(number: int, partitions: int = 4, turns: int = 3, seed: int = 7) -> History:
    """One whole run; the same number and seed give the same bytes."""
    rng = random.Random(f"{seed}/{number}")
    run = History(f"run-{number:05}", f"tenant-{number % 3}", number % partitions).created(
        f"goal {number}"
    )
    for turn in range(1, turns + 1):
        model = f"{run.run_id}.m{turn}"
        run.asked_model(model)
        if rng.random() < 0.2:
            run.asked_model(model, 2)
        run.model_said(model, "files.read", cost=None if rng.random() < 0.2 else "0.0125")
        call = f"{run.run_id}.t{turn}"
        tool_call(run, call, rng)
        run.checkpoint(turn, call)
    if number % 7 == 0:
        run.add(
            j.HumanInputRequested(
                question_id=f"{run.run_id}.q", provider_call_id="p9", question=text("Which one?")
            ),
            RunStatus.WAITING_FOR_HUMAN,
        )
        run.add(
            j.HumanInputReceived(
                question_id=f"{run.run_id}.q", content=text("that"), request_id="r1"
            ),
            by=ActorKind.PERSON,
        )
    return run.ended(
        rng.choice(
            [ExitStatus.SUCCESS, ExitStatus.SUCCESS, ExitStatus.FAILURE, ExitStatus.CANCELLED]
        )
    )


def interleaved(runs: list[History], seed: int = 3) -> Iterator[tuple[History, int]]:
    """The events of all runs, as a busy journal mixes them; each as its history and index."""
    rng = random.Random(seed)
    left = [(run, 0) for run in runs]
    while left:
        at = rng.randrange(min(len(left), 20))
        run, index = left[at]
        yield run, index
        if index + 1 < len(run.values):
            left[at] = (run, index + 1)
        else:
            left.pop(at)
