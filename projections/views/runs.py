"""Runs: where each stands, what it has used, how it ended [22]."""

from __future__ import annotations

import json

from runfold.events import topics, wording
from runfold.events.base import Fact
from runfold.events.calls.kinds import MODEL, TOOL
from runfold.events.catalogue import CHARGED
from runfold.events.contents.content import JSON, Content, json_content
from runfold.events.records.operations import HISTORY_LOST, DeadLetter
from runfold.events.run import (
    CallHeld,
    CheckpointWritten,
    MessageKind,
    ModelCalled,
    RetryScheduled,
    RunCancelled,
    RunCompleted,
    RunCreated,
    RunFailed,
    RunHandedBack,
    RunQueued,
    RunRefused,
    RunStarted,
    RunTakenOver,
    ToolCallStarted,
    UserMessageReceived,
)
from runfold.events.traits import NOTHING_USED, Charge, charge_of
from runfold.events.values import Exit, ExitStatus, RunRequest, RunStatus
from runfold.projections.rendering.readable import as_json, clean, plain, readable, said
from runfold.projections.tables import runs
from runfold.projections.view import Batch, Placed, Row, Rows, View, bump

_USE: frozenset[type[Fact]] = frozenset(
    {ModelCalled, ToolCallStarted, CallHeld, RetryScheduled, CheckpointWritten}
)
_OTHER: frozenset[type[Fact]] = frozenset(
    {
        RunCreated,
        RunQueued,
        RunRefused,
        RunStarted,
        UserMessageReceived,
        RunCompleted,
        RunFailed,
        RunCancelled,
        RunTakenOver,
        RunHandedBack,
    }
)


def add(batch: Batch, rows: Rows) -> None:
    """Add one row a run, or what has changed of it; one whose history is lost has ended."""
    found = rows.of(runs)
    for placed in batch.events:
        meta = placed.meta
        row = found.get(meta.run_id)
        if row is None:
            row = found[meta.run_id] = {
                "run_id": meta.run_id,
                "tenant_id": meta.tenant_id,
                "journal_partition": placed.partition,
            }
        row["status"] = meta.status.value
        row["updated_at"] = meta.time
        row["seq"] = meta.seq
        kind = type(placed.fact)
        if kind in CHARGED:
            _charge(row, charge_of(placed.fact))
        elif kind in _USE:
            _use(row, placed)
        elif kind in _OTHER:
            _begin(row, placed)
            _end(row, placed)
    for letter in batch.dead_letters:
        if letter.record.code == HISTORY_LOST:
            _lose(found, letter.record)


def _lose(found: dict[str, Row], letter: DeadLetter) -> None:
    """End a run whose events are gone, if there is a row of it; it has no exit record."""
    journal, _, run_id = letter.topic.partition("/")
    if journal == topics.EVENTS and run_id:
        found.setdefault(run_id, {"run_id": run_id}).update(
            status=RunStatus.FAILED.value,
            updated_at=letter.time,
            completed_at=letter.time,
            exit_status=ExitStatus.FAILURE.value,
            error_json=as_json({"error_type": HISTORY_LOST, "message": clean(letter.reason)}),
        )


def _begin(row: Row, placed: Placed) -> None:
    match placed.fact:
        case RunCreated() as fact:
            row.update(
                agent=fact.agent.name,
                agent_version=fact.agent.version,
                prompt_version=fact.prompt_version,
                model=fact.model,
                **_request(fact.request, placed),
            )
        case RunRefused() as fact:
            row.update(
                agent=fact.request.agent,
                agent_version=fact.request.agent_version,
                goal=plain(fact.request.goal),
                error_json=as_json(
                    {"error_type": fact.code, "message": wording.plain(fact.reason)}
                ),
                **_request(fact.request, placed),
            )
        case RunQueued() as fact:
            row.setdefault("queued_at", placed.meta.time)
            if fact.position is not None:
                row["queue_position"] = fact.position
        case RunStarted():
            row.setdefault("started_at", placed.meta.time)
        case RunTakenOver() as fact:
            row.update(held_by=clean(fact.by), held_until=fact.until)
        case RunHandedBack():
            row["held_by"] = ""
        case UserMessageReceived(kind=MessageKind.GOAL) as fact:
            row["goal"] = plain(fact.content)
        case _:
            pass


def _origin(request: RunRequest) -> Row:
    found = request.origin
    return {
        "request_id": clean(found.request_id) if found else None,
        "trace_id": clean(found.trace_id) if found else None,
        "credential": clean(found.credential) if found else None,
    }


def _request(request: RunRequest, placed: Placed) -> Row:
    labels = {clean(label.key): label.value for label in request.labels}
    return {
        "user_id": request.user_id,
        "requested_at": request.requested_at,
        "created_at": placed.meta.time,
        "first_offset": placed.offset,
        "data_classification": request.data_classification.value,
        "response_profile": request.response_profile,
        "region": request.region,
        "priority": request.priority,
        "feature": request.feature,
        "thread_id": request.thread_id,
        "parent_run_id": request.parent_run_id,
        "root_run_id": request.root_run_id,
        "parent_call_id": request.parent_call_id,
        "variant": request.variant,
        "source": request.source,
        **_origin(request),
        "labels_json": as_json(labels) if labels else None,
        "deadline": request.deadline,
    }


def _charge(row: Row, charge: Charge | None) -> None:
    if charge is None:
        return
    if charge.usage is not NOTHING_USED:
        bump(row, "input_tokens", charge.usage.input_tokens)
        bump(row, "output_tokens", charge.usage.output_tokens)
    if charge.cost is None:
        bump(row, "unpriced_calls")
    else:
        bump(row, "cost_usd", charge.cost)


def _use(row: Row, placed: Placed) -> None:
    match placed.fact:
        case ModelCalled():
            bump(row, "model_calls")
        case ToolCallStarted():
            bump(row, "tool_calls")
        case RetryScheduled():
            bump(row, "retries")
        case CallHeld(kind=MODEL.name):
            # It was counted when it was handed out, and was not made.
            bump(row, "model_calls", -1)
        case CallHeld(kind=TOOL.name):
            bump(row, "tool_calls", -1)
        case CheckpointWritten() as fact:
            row["current_step"] = fact.step_number
            row["latest_checkpoint_id"] = fact.checkpoint_id
        case _:
            pass


def _end(row: Row, placed: Placed) -> None:
    match placed.fact:
        case RunCompleted() as fact:
            row["completed_at"] = placed.meta.time
            _exit(row, fact.exit)
        case RunFailed() as fact:
            row["completed_at"] = placed.meta.time
            row["error_json"] = readable(wording.plain_error(fact.error))
            _exit(row, fact.exit)
        case RunRefused() as fact:
            row["completed_at"] = placed.meta.time
            _exit(row, fact.exit)
        case RunCancelled() as fact:
            row["cancelled_at"] = placed.meta.time
            _exit(row, fact.exit)
        case _:
            pass


def _exit(row: Row, exit_record: Exit) -> None:
    row["exit_status"] = exit_record.status.value
    row["exit_code"] = exit_record.exit_code
    row["result_json"] = said(_in_words(exit_record.payload))
    row["latency_ms"] = exit_record.usage.latency_ms


def _in_words(payload: Content) -> Content:
    """Return an exit record's payload with what is recorded as codes put into words."""
    held = payload.inline
    if held is None or payload.media_type != JSON or wording.PREFIX.encode() not in held:
        return payload
    try:
        return json_content(wording.plain_json(json.loads(held)))
    except ValueError:
        return payload


VIEW = View("runs", (runs,), add, (topics.EVENTS, topics.DEAD_LETTERS))
