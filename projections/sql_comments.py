"""What the SQL views and their columns say of themselves, for whoever reads the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Table

from runfold.projections.tables import (
    METADATA,
    approvals,
    call_checkpoints,
    checkpoints,
    definition_versions,
    model_calls,
    runs,
    tenant_budgets,
    tenant_runs,
    tool_calls,
)


@dataclass(frozen=True, slots=True)
class Said:
    """What a SQL view says: of itself, and of its columns; the rest is as in tables below it."""

    comment: str
    own: Mapping[str, str] = field(default_factory=dict)
    below: tuple[Table, ...] = ()

    def of(self, column: str) -> str | None:
        """Return what is said of a column, None where nothing is."""
        if column in self.own:
            return self.own[column]
        found = (table.c[column].comment for table in self.below if column in table.c)
        return next((said for said in found if said), None)


SQL_COMMENTS: Mapping[str, Said] = {
    "tool_calls_started_without_permit": Said(
        "Tool calls that began without a permit that held: the audit's query; it must be empty.",
        {
            "run_id": "the run",
            "seq": "the event with which the call was handed out",
            "call_id": "the call",
            "time": "when it was handed out",
        },
    ),
    "run_metrics": Said(
        "One row a run: what it cost and how long its parts took, in milliseconds.",
        {
            "total_tokens": "tokens read and written by models",
            "duration_ms": "from its acceptance to its end; null while it lives",
            "queue_ms": "from its request, by the requester's clock, to its admission; 0 where "
            "that clock was ahead, null where it was not admitted",
            "first_action_ms": "from its acceptance to the first tool call that was proposed",
            "model_ms": "what its model calls took, together",
            "tool_ms": "what its tool calls took, together",
        },
        (runs,),
    ),
    "waiting_for_people": Said(
        "What stops live runs until a person acts: approvals, questions, uncertain calls.",
        {
            "call_id": "the call or question to decide about, as commands take it",
            "kind": "tool_call, question or uncertain",
            "since": "since when it waits",
            "arguments_json": "the arguments that will be used; null for questions",
            "effect": "what the tool changes in the world, as its contract says, or else what it "
            "says of itself",
            "cost_usd": "what the run has cost so far; null where no price of any call is known",
        },
        (approvals, runs, tool_calls, definition_versions),
    ),
    "definitions": Said(
        "One row a published version of an agent, a tool or a model script, with its state.",
        {
            "tenant": "whose it is; null where it belongs to all",
            "state": "active, retired or withdrawn",
            "released": "whether a name without a version was decided to stand for it",
            "by": "who published it",
        },
        (definition_versions,),
    ),
    "strong_checkpoints": Said(
        "Safe points before and after every call, with what they are made of.",
        {
            "checkpoint_id": "the checkpoint; CALL/ATTEMPT before a call",
            "step": "the step that it begins or ends",
            "status": "the run's status there; waiting_for_tool before a call",
            "agent_decision": "what the model decided: the call with its arguments, or the step",
            "idempotency_key": "what the tool is given to recognise a repeat; null after a call",
            "approval": "whether a person had to approve, and what became of it",
            "context_refs": "what the model had seen, each as kind:id",
            "resume_policy": "whether the work after it may simply be done again, and how often",
            "results": "results of the calls that it closes, by call",
        },
        (call_checkpoints, checkpoints, runs),
    ),
    "decision_records": Said(
        "One row a decision of a model: what it chose, what it had seen, what policies said.",
        {
            "selected_tool": "the first of the tools that it chose",
            "selected_tools": "the tools that it chose, in order",
            "input_context_refs": "what it had seen, each as kind:id",
            "policy_checks": "what policies decided about the calls that it proposed",
        },
        (model_calls,),
    ),
    "tenants": Said(
        "One row a tenant whose runs ever asked to be admitted: how many it has where.",
        {
            "tenant_id": "the tenant",
            "running": "runs that were admitted and not given back",
            "waiting": "runs in its queue",
            "refused": "runs that it ever refused",
            "returned": "runs that it admitted and got back",
            "waiting_since": "since when the first of its queue waits",
            "updated_at": "when a run of it was last put into the queue, admitted, or ended",
        },
    ),
    "tenant_queue": Said("Runs that wait for their tenant.", {}, (tenant_runs,)),
    "tenant_budget_use": Said(
        "Budgets in the period that lasts, with what is set aside now and what is left.",
        {
            "set_aside": "what is set aside for runs that run now",
            "left_amount": "the limit without what is used and set aside",
        },
        (tenant_budgets,),
    ),
    "agent_runs": Said(
        "Runs, by the names and types of the blueprint; times are in UTC.", {}, (runs,)
    ),
    "agent_checkpoints": Said(
        "Checkpoints, by the names and types of the blueprint, with the beginning of each run as "
        "step 0; times are in UTC.",
        {"step_number": "0 at the beginning of the run, then 1, 2, 3 …"},
        (checkpoints,),
    ),
    "tool_invocations": Said(
        "Tool calls, by the names and types of the blueprint; times are in UTC.",
        {"checkpoint_id": "the checkpoint that holds its end, or the latest of its run"},
        (tool_calls,),
    ),
}
"""By view; a column that nothing is said of fails a test."""


def table_comments() -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Yield every table with what it and its columns say."""
    for table in METADATA.tables.values():
        columns = {column.name: column.comment or "" for column in table.columns}
        yield table.name, table.comment or "", columns
    made = {
        "version": "the release of the code",
        "made_at": "when it began to write",
        "oldest": "the oldest release that may write to its tables",
    }
    yield "projection_schema", "The releases that have brought the tables up or written.", made
