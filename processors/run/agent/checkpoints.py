"""Checkpoints: what is needed to say where a run stands and to go on from there [27, 28]."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.trusted import trusted
from runfold.processors.run.draft import Draft
from runfold.processors.run.fold.round_calls import summary
from runfold.processors.run.state import CallStatus
from runfold.processors.run.state_hash import state_hash


def name_of(run_id: str, step: int) -> str:
    """Return the id of a checkpoint."""
    return f"{run_id}/checkpoint/{step}"


def write(draft: Draft) -> None:
    """Write the checkpoint that closes a tool boundary or precedes a long wait."""
    run = draft.run
    step = run.counters.step + 1
    pending = [call for call in run.loop.round if call.status is not CallStatus.CLOSED]
    contracts = [draft.tool(call.tool) for call in pending]
    safe = all(contract is None or contract.safe_to_repeat for contract in contracts)
    attempts = [contract.retry.max_attempts for contract in contracts if contract]
    draft.say(
        trusted(j.CheckpointWritten)(
            checkpoint_id=name_of(run.run_id, step),
            step_number=step,
            goal_digest=run.request.goal.digest,
            context_digest=run.loop.transcript.digest,
            context_messages=len(run.loop.transcript.messages),
            pending=tuple(summary(call) for call in pending),
            completed=run.since_checkpoint.closed,
            counters=run.counters.record(),
            resume_policy=trusted(j.ResumePolicy)(
                safe_to_retry=safe, max_attempts=min(attempts, default=1)
            ),
            state_hash=state_hash(run),
            model_call_id=run.loop.answered_by,
            decision_summary=run.loop.decision.summary if run.loop.decision else None,
            plan=run.loop.plan,
            artifact_refs=run.since_checkpoint.artifacts,
        )
    )
