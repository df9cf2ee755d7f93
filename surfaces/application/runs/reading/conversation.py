"""What was said in a run and in a conversation of runs: goals, answers, results, questions [46]."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from runfold.events.wording import plain
from runfold.projections.queries import Views
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import NotFoundError
from runfold.surfaces.application.runs.reading.history import history
from runfold.surfaces.application.runs.reading.lists import list_runs

MOST_EVENTS = 1_000
"""How many events of a run are looked at for one page."""

_USER, _ASSISTANT, _TOOL = "user", "assistant", "tool"


def messages_of(events: Iterable[shapes.Event]) -> list[shapes.RunMessage]:
    """Return what was said in events, in their order."""
    return [found for found in map(_message, events) if found is not None]


def thread(
    views: Views, thread_id: str, limit: int, after: tuple[Any, str] | None = None
) -> list[shapes.ThreadRun]:
    """Return the runs of a conversation with what was said in each, the newest run first.

    As far as the views have them. Raises NotFoundError where there is none at all.
    """
    runs = list_runs(views, limit, thread_id=thread_id, after=after)
    if not runs and after is None:
        raise NotFoundError("There is no conversation with this id: check it.")
    return [_run(views, each) for each in runs]


def _run(views: Views, run: shapes.RunSummary) -> shapes.ThreadRun:
    events = history(views, run.run_id, 0, MOST_EVENTS)
    last = events[-1].seq if events else 0
    return shapes.ThreadRun(
        run_id=run.run_id,
        agent=run.agent,
        status=run.status,
        created_at=run.created_at,
        messages=tuple(messages_of(events)),
        next_after=last,
        has_more=last < run.seq,
    )


def _message(event: shapes.Event) -> shapes.RunMessage | None:  # noqa: PLR0911 - a line a type
    fact = event.fact
    match event.type:
        case "UserMessageReceived":
            return _said(event, _USER, fact["kind"], fact["content"])
        case "ModelResponded" | "PersonReplied":
            answer = fact["answer"]
            kind = "answer" if event.type == "ModelResponded" else "reply"
            calls = tuple(
                shapes.WantedCall(tool=each["name"], arguments=_value(each["arguments"]))
                for each in answer["tool_calls"]
            )
            return _said(event, _ASSISTANT, kind, answer.get("text"), calls)
        case "ToolCallSucceeded":
            return _said(event, _TOOL, "result", fact["result"])
        case "ResultGiven":
            return _said(event, _TOOL, "result", fact["result"], is_error=fact["failed"])
        case "ToolCallFailed":
            return _said(event, _TOOL, "result", fact["error"]["message"], is_error=True)
        case "HumanInputRequested":
            return _said(event, _ASSISTANT, "question", fact["question"])
        case "HumanInputReceived":
            return _said(event, _USER, "human_answer", fact["content"])
        case _:
            return None


def _said(
    event: shapes.Event,
    role: str,
    kind: str,
    content: Any,
    calls: tuple[shapes.WantedCall, ...] = (),
    *,
    is_error: bool = False,
) -> shapes.RunMessage:
    fact = event.fact
    return shapes.RunMessage(
        seq=event.seq,
        time=event.time,
        role=role,
        kind=kind,
        by=event.actor,
        content=_value(content),
        calls=calls,
        call_id=fact.get("call_id") or fact.get("question_id"),
        tool=fact.get("tool"),
        is_error=is_error,
    )


def _value(content: Any) -> Any:
    """Return a content as it was said; one that is kept elsewhere as what names it."""
    if isinstance(content, str):
        return plain(content)
    if not isinstance(content, dict) or "digest" not in content:
        return content
    if "json" in content:
        return content["json"]
    return plain(content["text"]) if isinstance(content.get("text"), str) else content
