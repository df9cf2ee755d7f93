"""The tools for runs: start one, see where it stands, decide what waits, end it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from mcp.types import CallToolResult, InputRequiredResult, Tool, ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field

from runfold.events.catalogue import TERMINAL_FACTS
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import NotFoundError
from runfold.surfaces.application.runs import async_follow
from runfold.surfaces.application.runs.reading.accepted import detail, view_of
from runfold.surfaces.application.runs.reading.history import ended_history
from runfold.surfaces.application.runs.reading.lists import plain_id, split_call_id
from runfold.surfaces.http.access import identity
from runfold.surfaces.http.refusals.problems import Problem
from runfold.surfaces.mcp.asking import Asking
from runfold.surfaces.mcp.tools import deciding
from runfold.surfaces.mcp.tools.following import LONGEST_WAIT_S, wait, where_it_stands
from runfold.surfaces.mcp.tools.results import Decided, Ran, ran_schema, told

Answer = CallToolResult | InputRequiredResult
_ENDS = frozenset(fact.__name__ for fact in TERMINAL_FACTS)
_LONG = 100_000


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RunAgent(_Arguments):
    """Which agent is to achieve what."""

    agent: str = Field(
        min_length=1, max_length=200, description="Its name, or `name@version`, as published."
    )
    goal: Any = Field(description="What it is to achieve: a text, or any other JSON value.")
    wait_s: float = Field(
        default=0, ge=0, le=LONGEST_WAIT_S, description="Seconds to wait for the end; 0 for none."
    )
    idempotency_key: str | None = Field(
        default=None,
        min_length=1,
        max_length=255,
        description="A text that is new to each request: the same again is the same run.",
    )
    thread_id: str | None = Field(
        default=None, max_length=200, description="The conversation that the run belongs to."
    )


class OneRun(_Arguments):
    """Which run, and for how long its end is waited for."""

    run_id: str = Field(max_length=100, description="The run's id, with or without `run_`.")
    wait_s: float = Field(
        default=0,
        ge=0,
        le=LONGEST_WAIT_S,
        description="Seconds to wait for its end, or for what a person must decide; 0 for none.",
    )


class RunEvents(_Arguments):
    """Which events of which run."""

    run_id: str = Field(max_length=100, description="The run's id.")
    after: int = Field(
        default=0, ge=0, lt=2**62, description="The number of the last event that is known."
    )
    limit: int = Field(default=50, ge=1, le=500, description="How many at most.")


class Approve(_Arguments):
    """What a person decides about a proposed call."""

    run_id: str = Field(max_length=100, description="The run's id.")
    call_id: str = Field(max_length=200, description="The call's id: RUN.N, or N.")
    decision: Literal["approve", "deny"] = Field(description="Whether the call may run.")
    reason: str = Field(default="", max_length=_LONG, description="Why: the agent reads it.")
    shown_digest: str | None = Field(
        default=None,
        max_length=64,
        description="The shown_digest of what was shown: what has changed since is not approved.",
    )


class GiveAnswer(_Arguments):
    """What a person answers to a question."""

    run_id: str = Field(max_length=100, description="The run's id.")
    question_id: str = Field(max_length=200, description="The question's id: RUN.N, or N.")
    answer: str = Field(max_length=_LONG, description="What the agent is told.")
    shown_digest: str | None = Field(
        default=None, max_length=64, description="The shown_digest of the question."
    )


class Cancel(_Arguments):
    """Which run ends, and why."""

    run_id: str = Field(max_length=100, description="The run's id.")
    reason: str = Field(default="", max_length=_LONG, description="Why; it is on record.")


@dataclass(frozen=True, slots=True)
class RunTool:
    """A tool of the server's own; ``scope`` is what a key must grant to see and call it."""

    name: str
    about: str
    scope: str
    takes: type[BaseModel]
    answers: dict[str, Any]
    call: Callable[[Asking, Any], Awaitable[Answer]]
    hints: ToolAnnotations

    def shown(self) -> Tool:
        """Return it as it is listed."""
        return Tool(
            name=self.name,
            description=self.about,
            input_schema=self.takes.model_json_schema(),
            output_schema=self.answers,
            annotations=self.hints,
        )


async def get_run(asking: Asking, said: OneRun) -> Answer:
    """Show where a run stands, after a while where that is asked for."""
    run_id = plain_id(said.run_id)
    await asking.gateway.note_read(asking.caller, "MCP get_run", run_id)
    if said.wait_s or asking.params.get("requestState") is not None:
        came = await wait(
            asking, run_id, said.wait_s, asking.params.get("requestState") is not None
        )
        if isinstance(came, InputRequiredResult):
            return came
    return told(view_of(await where_it_stands(asking, run_id)))


async def list_events(asking: Asking, said: RunEvents) -> Answer:
    """Show events of a run in their order."""
    run_id = plain_id(said.run_id)
    await asking.gateway.note_read(asking.caller, "MCP list_run_events", run_id)
    return told(await page(asking, run_id, said.after, said.limit))


async def page(asking: Asking, run_id: str, after: int, limit: int) -> shapes.EventPage:
    """Return a page of a run's events; raises NotFoundError."""
    found = await asking.gateway.ask_if_there(
        asking.caller, lambda views: ended_history(views, run_id, after, limit + 1)
    )
    if found is None:
        found = await _on_journal(asking, run_id, after, limit + 1)
    more, found = len(found) > limit, found[:limit]
    last = found[-1] if found else None
    return shapes.EventPage(
        run_id=run_id,
        events=tuple(found),
        next_after=last.seq if last else after,
        has_more=more,
        ended=last is not None and last.type in _ENDS,
    )


async def _on_journal(asking: Asking, run_id: str, after: int, limit: int) -> list[shapes.Event]:
    runs = asking.runs
    found: list[shapes.Event] = []
    try:
        async for event in async_follow.events(runs.client, runs.scope, run_id, after_seq=after):
            found.append(event)
            if len(found) == limit:
                break
    except NotFoundError:
        # One that was asked for is there, and has no event yet.
        await detail(runs.client, asking.gateway.reader, runs.scope, run_id)
    return found


async def approve(asking: Asking, said: Approve) -> Answer:
    """Let a proposed call run, or refuse it."""
    run_id = plain_id(said.run_id)
    call_id = _call_id(run_id, said.call_id)
    if said.decision == "approve":
        done = deciding.approved(asking, run_id, call_id, said.reason or None, said.shown_digest)
    else:
        why = said.reason or "denied by a person"
        done = deciding.denied(asking, run_id, call_id, why, said.shown_digest)
    return told(await done)


async def answer(asking: Asking, said: GiveAnswer) -> Answer:
    """Answer what an agent asked."""
    run_id = plain_id(said.run_id)
    question_id = _call_id(run_id, said.question_id)
    done = deciding.answered(asking, run_id, question_id, said.answer, said.shown_digest)
    return told(await done)


async def cancel(asking: Asking, said: Cancel) -> Answer:
    """End a run."""
    run_id = plain_id(said.run_id)
    done = deciding.controlled(asking, run_id, lambda c: c.cancel(run_id, said.reason))
    return told(await done)


def _call_id(run_id: str, typed: str) -> str:
    text = typed.strip().removeprefix("tool_call_")
    run, number = split_call_id(text if "." in text else f"{run_id}.{text}")
    if plain_id(run) != run_id:
        raise Problem("invalid", f"It is a call of another run than {run_id}.")
    return f"{run_id}.{number}"


_READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
_DECIDES = ToolAnnotations(read_only_hint=False, destructive_hint=True, open_world_hint=True)
_DECIDED = Decided.model_json_schema(mode="serialization")

RUN_TOOLS: tuple[RunTool, ...] = (
    RunTool(
        "get_run",
        "Show where a run stands: its status, what it did last, what it waits for, how it ended.",
        identity.READ, OneRun, shapes.RunView.model_json_schema(mode="serialization"), get_run,
        _READS,
    ),
    RunTool(
        "list_run_events", "Show a run's events in their order, a page at a time.",
        identity.READ, RunEvents, shapes.EventPage.model_json_schema(mode="serialization"),
        list_events, _READS,
    ),
    RunTool(
        "approve", "Decide about a call that waits for a person: let it run, or refuse it. "
        "Call it only with what a person has decided.",
        identity.DECIDE, Approve, _DECIDED, approve, _DECIDES,
    ),
    RunTool(
        "answer", "Answer a question that an agent asks a person. Call it only with what a person "
        "has answered.",
        identity.DECIDE, GiveAnswer, _DECIDED, answer, _DECIDES,
    ),
    RunTool(
        "cancel_run", "End a run: it makes no further call.",
        identity.WRITE, Cancel, _DECIDED, cancel,
        ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True),
    ),
)  # fmt: skip
"""All but ``run_agent``, which needs to know what is published."""

RUN_AGENT = "run_agent"
RUN_AGENT_ABOUT = (
    "Ask an agent by its name to achieve a goal. Answers at once with the run's id, or waits for "
    "its end with wait_s; get_run says later how it stands."
)
TAKEN = frozenset({RUN_AGENT, *(tool.name for tool in RUN_TOOLS)})
"""Names that no agent's tool may have."""


def run_agent_tool() -> Tool:
    """Return `run_agent` as it is listed."""
    return Tool(
        name=RUN_AGENT,
        description=RUN_AGENT_ABOUT,
        input_schema=RunAgent.model_json_schema(),
        output_schema=ran_schema(None),
        annotations=ToolAnnotations(
            read_only_hint=False, destructive_hint=True, open_world_hint=True
        ),
    )


__all__ = [
    "RUN_AGENT",
    "RUN_TOOLS",
    "TAKEN",
    "Ran",
    "RunAgent",
    "RunTool",
    "page",
    "run_agent_tool",
]
