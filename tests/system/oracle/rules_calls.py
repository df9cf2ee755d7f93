"""Tool calls: permitted and approved before they start, and ended once an attempt."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from runfold.events import run as j
from runfold.events import topics
from runfold.events.calls import Outcome, ToolResult
from runfold.events.values import Placement
from runfold.processors.run.behaviour import BY_PERMISSION
from tests.system.oracle.histories import CODEC, Histories
from tests.system.oracle.seen import Place, Seen

Ended = j.ToolCallSucceeded | j.ToolCallFailed | j.ToolCallUncertain

_SAYS: dict[Outcome, type[Ended]] = {
    Outcome.SUCCEEDED: j.ToolCallSucceeded,
    Outcome.FAILED: j.ToolCallFailed,
    Outcome.UNCERTAIN: j.ToolCallUncertain,
}


def no_start_without_permit_and_approval(seen: Seen, read: Histories) -> Iterator[str]:
    for entries in read.runs.values():
        permitted: dict[str, tuple[str, ...]] = {}
        approved: dict[str, bool] = {}
        for entry in entries:
            match entry.event.fact:
                case j.PolicyDecided(effect=j.PolicyEffect.PERMIT, call_id=str(call)) as permit:
                    permitted[call] = permit.obligations
                case j.PolicyDecided(call_id=str(call)) | j.ToolCallDenied(call_id=call):
                    permitted.pop(call, None)
                    approved.pop(call, None)
                case j.ApprovalRequested(call_id=call):
                    # What was approved before is not what is asked about now.
                    approved.pop(call, None)
                case j.ToolCallApproved(call_id=call) as approval:
                    by_person = approval.request_id is not None or approval.grant_id is not None
                    approved[call] = by_person or approval.by_deadline
                case j.ToolCallStarted(call_id=call) as started:
                    if call not in permitted:
                        yield f"{call}: attempt {started.attempt} started without a permit"
                    if call not in approved:
                        yield f"{call}: attempt {started.attempt} started without approval"
                    elif "approval" in permitted.get(call, ()) and not approved[call]:
                        yield f"{call}: started without a person's approval"
                case _:
                    pass


def one_outcome_an_attempt(seen: Seen, read: Histories) -> Iterator[str]:
    """A doubt may be followed by the truth, where the process that was taken for dead tells it."""
    for run_id in read.runs:
        started = {(f.call_id, f.attempt) for f in read.facts(run_id, j.ToolCallStarted)}
        outcomes: dict[tuple[str, int], list[Ended]] = defaultdict(list)
        for entry in read.runs[run_id]:
            fact = entry.event.fact
            if not isinstance(fact, Ended) or getattr(fact, "request_id", None) is not None:
                continue
            key = (fact.call_id, fact.attempt)
            outcomes[key].append(fact)
            if key not in started:
                yield f"{fact.call_id}: attempt {fact.attempt} ended and was never started"
        for (call, attempt), told in outcomes.items():
            known = told[1:] if isinstance(told[0], j.ToolCallUncertain) else told
            doubted = any(isinstance(fact, j.ToolCallUncertain) for fact in known)
            if len(known) > 1 or doubted:
                yield f"{call}: attempt {attempt} ended {len(told)} times"


def attempts_count_up(seen: Seen, read: Histories) -> Iterator[str]:
    for run_id in read.runs:
        last: Counter[str] = Counter()
        out: set[str] = set()
        for entry in read.runs[run_id]:
            fact = entry.event.fact
            if isinstance(fact, j.ToolCallStarted):
                if fact.attempt != last[fact.call_id] + 1:
                    yield f"{fact.call_id}: attempt {fact.attempt} after {last[fact.call_id]}"
                if fact.call_id in out:
                    yield f"{fact.call_id}: attempt {fact.attempt} started while one was out"
                last[fact.call_id] = fact.attempt
                out.add(fact.call_id)
            elif isinstance(fact, Ended):
                if fact.attempt != last[fact.call_id]:
                    yield f"{fact.call_id}: {entry.event.type} of attempt {fact.attempt} is stale"
                out.discard(fact.call_id)
            elif isinstance(fact, j.CallHeld):
                out.discard(fact.call_id)


def nothing_begins_unwanted(seen: Seen, read: Histories) -> Iterator[str]:
    """A call begins while that attempt is out, and a pool's success is of one that had begun."""
    for entries in read.runs.values():
        asks, out, begun = False, dict[str, j.ToolCallStarted](), set[tuple[str, int]]()
        for entry in entries:
            match entry.event.fact:
                case j.RunCreated(behaviour=behaviour):
                    asks = behaviour >= BY_PERMISSION
                case j.ToolCallStarted() as started:
                    out[started.call_id] = started
                case j.CallBegun(kind="tool", call_id=call, attempt=attempt):
                    begun.add((call, attempt))
                    if (known := out.get(call)) is None or known.attempt != attempt:
                        yield f"{call}: attempt {attempt} began, and was not out"
                case j.CallHeld(call_id=call):
                    out.pop(call, None)
                case j.ToolCallFailed(call_id=call) | j.ToolCallUncertain(call_id=call):
                    out.pop(call, None)
                case j.ToolCallSucceeded(call_id=call, attempt=attempt, request_id=None):
                    known = out.pop(call, None)
                    pooled = known is not None and known.placement is Placement.POOL
                    if asks and pooled and (call, attempt) not in begun:
                        yield f"{call}: attempt {attempt} succeeded, and had never begun"
                case _:
                    pass


def outcomes_are_what_was_reported(seen: Seen, read: Histories) -> Iterator[str]:
    """An outcome that names a result as its cause says what stands there."""
    reports = {raw.place: raw for raw in seen.results}
    for entries in read.runs.values():
        for entry in entries:
            fact, cause = entry.event.fact, _cause(entry.event)
            if cause.topic != topics.RESULTS or not isinstance(fact, Ended):
                continue
            raw = reports.get(cause)
            said = CODEC.decode(topics.RESULTS, raw.value) if raw is not None else None
            if not isinstance(said, ToolResult):
                yield f"{fact.call_id}: {entry.event.meta.cause} is no result of a tool"
            elif (said.call_id, said.attempt) != (fact.call_id, fact.attempt) or not isinstance(
                fact, _SAYS[said.outcome]
            ):
                yield (
                    f"{fact.call_id}: {entry.event.type} of attempt {fact.attempt}, but the result "
                    f"is of {said.call_id}, attempt {said.attempt}: {said.outcome}"
                )


def _cause(event: j.Event) -> Place:
    topic, _, place = event.meta.cause.partition("/")
    partition, _, offset = place.partition("/")
    if not (partition.isdecimal() and offset.isdecimal()):
        return Place(topic, -1, -1)
    return Place(topic, int(partition), int(offset))
