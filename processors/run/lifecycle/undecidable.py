"""What is on record of a command whose decision raised: a bug, or input that nobody foresaw.

Without this the command would be a dead letter, and the run would wait for a result that was there
already. Only the kind of the error is recorded: its text may differ from process to process, and
every decision must be made again equal.
"""

from __future__ import annotations

from runfold.events import calls
from runfold.events.calls.children import ChildRequested
from runfold.events.records import commands
from runfold.events.values import ErrorInfo
from runfold.processors.engine.aggregate import Command
from runfold.processors.run.agent import checkpoints
from runfold.processors.run.agent.calls import beginnings
from runfold.processors.run.agent.calls.reservations import release
from runfold.processors.run.agent.models import judging, model_calls
from runfold.processors.run.agent.next_step import proceed
from runfold.processors.run.agent.tools import dry_runs, tool_calls
from runfold.processors.run.draft import Draft
from runfold.processors.run.lifecycle import admission, controls, endings
from runfold.processors.run.state import CallStatus, DryRunCall, JudgeCall, RoundCall


def conclude(draft: Draft, command: Command, error: str) -> None:
    """Put the outcome of a command on record that could not be decided, by its kind."""
    match command.body:
        case commands.RunRequested() as request:
            admission.refuse(draft, request, "undecidable", error=error)
        case ChildRequested() as child:
            refused = child.request
            admission.refuse(draft, refused, "undecidable", child.lineage, error=error)
        case commands.Control() as control:
            controls.ignore(draft, control, draft.people("undecidable", error=error))
        case calls.ModelResult() as result:
            _model_failed(draft, result, _info(draft, error))
        case calls.BeginRequested() as question:
            beginnings.undecided(draft, question, draft.people("undecidable", error=error))
        case calls.ToolResult() as result:
            _tool_failed(draft, result, _info(draft, error))
        case _:
            end(draft, command, error)


def end(draft: Draft, _command: Command, error: str) -> None:
    """End the run: the last resort, where not even the call's own failure can be decided."""
    endings.fail(draft, endings.EXIT_UNDECIDABLE, _info(draft, error))


def _info(draft: Draft, error: str) -> ErrorInfo:
    return ErrorInfo(
        error_type="undecidable",
        message=draft.people("undecidable", error=error),
        retryable=False,
        suggested_next_action=draft.people("report_undecidable"),
    )


def _model_failed(draft: Draft, result: calls.ModelResult, error: ErrorInfo) -> None:
    judge = draft.run.loop.call(result.call_id)
    if isinstance(judge, JudgeCall) and judge.attempt == result.attempt:
        judging.undecided(draft, judge, error)
        proceed(draft)
        return
    out = draft.run.loop.model_call
    if out is None or (out.call_id, out.attempt) != (result.call_id, result.attempt):
        return
    draft.say(model_calls.failure_of(draft.run, out, result, error))
    # It was paid for all the same.
    model_calls.late(draft, result)
    release(draft, out.call_id, result.cost)
    endings.fail(draft, endings.EXIT_UNDECIDABLE, error)


def _tool_failed(draft: Draft, result: calls.ToolResult, error: ErrorInfo) -> None:
    call = draft.run.loop.call(result.call_id)
    if isinstance(call, DryRunCall) and call.attempt == result.attempt:
        dry_runs.undecided(draft, call, error)
        proceed(draft)
        return
    if (
        not isinstance(call, RoundCall)
        or call.status is not CallStatus.RUNNING
        or call.attempt != result.attempt
    ):
        return
    if draft.behaviour >= 5 and _may_have_acted(draft, call, result):
        # A failure would invite the model to make the call again.
        tool_calls.doubt(draft, call, error.message, result.latency_ms, result.cost)
    else:
        failure = tool_calls.failure_of(draft.run, call, error, result.latency_ms, result.cost)
        draft.say(failure)
        checkpoints.write(draft)
    proceed(draft)


def _may_have_acted(draft: Draft, call: RoundCall, result: calls.ToolResult) -> bool:
    if result.outcome is calls.Outcome.FAILED and not result.effect:
        return False
    return not draft.contract(call.tool).safe_to_repeat
