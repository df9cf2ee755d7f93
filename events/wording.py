"""Texts for people: recorded as a code with its parameters, put into words when they are shown.

A fact says ``runfold:needs_approval {"level":3}``; ``plain`` makes a sentence of it. The words here
are free: changing them changes no fact. A code and the names of its parameters are on the wire and
stay. Runs of behaviour 1 have sentences in their facts, which ``plain`` returns as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from runfold.events.content import canonical_json
from runfold.events.values import ErrorInfo

PREFIX = "runfold:"
"""How a coded text begins; the rest is a code, and a JSON object where it has parameters."""

SENTENCES: Mapping[str, str] = {
    # Why a call was permitted or forbidden.
    "tool_not_allowed": "{tool} is not among the tools of {agent} ({tools})",
    "needs_approval": "on the allow-list; risk level {level} needs a person's approval",
    "needs_no_approval": "on the allow-list; risk level {level} needs no approval",
    "lacks_scopes": "{tool} needs the scopes {scopes}, which the requester does not have",
    "may_call": "May {agent} call {tool}?",
    # Why a request was refused.
    "unknown_agent": "no agent {agent!r} is published; publish it with runfold apply",
    "unknown_tool": "agent {agent} names unpublished tools: {tools}",
    "agent_not_usable": "agent {agent} is {problem}; use another version",
    "tool_not_usable": "agent {agent} names {tool}, which is {problem}",
    "agent_withdrawn": "agent {agent} was withdrawn from live runs",
    "run_another_version": "run another version",
    "nobody": "a run needs a tenant and a user; say whose it is",
    "empty_goal": "the goal is empty; say what the run is to achieve",
    "goal_too_large": "the goal has {size} bytes, the limit is {limit}; "
    "give long texts as attachments",
    "too_many_attachments": "the request has {count} attachments, the limit is {limit}",
    "attachments_too_large": "the attachments have {size} bytes together, the limit is {limit}; "
    "put larger files where the tools of the run find them",
    "goal_not_inline": "the goal must be given inline, not by reference",
    "deadline_passed": "the deadline of the request has passed",
    "invalid_limits": "every limit of a request must be above zero",
    # Why a control did not apply.
    "other_tenant": "the run belongs to another tenant",
    "already_paused": "the run is paused already",
    "not_paused": "the run is not paused",
    "unclear_resolution": "say whether the call happened or did not happen",
    "arguments_do_not_fit": "{fault}",
    "not_awaiting_approval": "{call} does not wait for an approval: it is {status}",
    "not_awaiting_answer": "{call} does not wait for an answer: it is {status}",
    "not_uncertain": "{call} is not uncertain: it is {status}",
    "no_call_to_approve": "{call} does not wait for an approval: no open call has that id",
    "no_call_to_answer": "{call} does not wait for an answer: no open call has that id",
    "no_call_to_resolve": "{call} is not uncertain: no open call has that id",
    "undecidable": "it could not be decided: {error}",
    "report_undecidable": "look into the log of the run processor, and report what it says",
    # Why the run did what it did, and how it ended.
    "agents_choice": "the agent's own choice",
    "retry": "retry {number}",
    "by_the_model": "by the model",
    "answer_lost": "no answer came back from the model processor in time",
    "is_paused": "the run is paused",
    "no_reason_given": "the processor gave no reason",
    "no_answer": "the model processor reported no answer",
    "result_lost": "no result came back from the tool processor in time",
    "cannot_tell": "the tool processor cannot tell",
    "fail_the_run": "fail the run",
    "limit_reached": "{limit} reached: {used} of {allowed}",
    "raise_the_limit": "raise the limit where it was set, in the request or in the agent's "
    "manifest, and run it again",
    "unpriced": "the price of {model} is not known, so max_cost ({allowed}) cannot be kept",
    "give_a_price": "give its price in RUNFOLD_PRICES, or set unpriced: allow in the manifest",
    "unusable_answers": "the model gave {count} answers in a row that could not be used",
    "change_the_model": "use another model, or make the instructions clearer",
}
"""The sentence of every code, as a format string over its parameters."""


def coded(code: str, parameters: Mapping[str, Any]) -> str:
    """Return a text as facts record it."""
    if not parameters:
        return PREFIX + code
    return f"{PREFIX}{code} {canonical_json(parameters)}"


@lru_cache(maxsize=1024)
def plain(text: str) -> str:
    """Return a recorded text in words; one that holds no known code comes back as it is."""
    if not text.startswith(PREFIX):
        return text
    code, _, given = text.removeprefix(PREFIX).partition(" ")
    try:
        parameters = json.loads(given or "{}")
        return SENTENCES[code].format_map(parameters)
    except (ValueError, LookupError, AttributeError, TypeError):
        return text


def parameters_of(text: str, code: str) -> dict[str, Any] | None:
    """Return the parameters of a recorded text, None where it is not of this code."""
    named, _, given = text.removeprefix(PREFIX).partition(" ")
    if not text.startswith(PREFIX) or named != code:
        return None
    try:
        found = json.loads(given or "{}")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def plain_error(error: ErrorInfo) -> ErrorInfo:
    """Return a failure with its texts put into words."""
    advice = error.suggested_next_action
    words = {"message": plain(error.message), "suggested_next_action": advice and plain(advice)}
    return error.model_copy(update=words)


def plain_json(value: Any) -> Any:
    """Return a JSON value with every text in it put into words."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, list):
        return [plain_json(item) for item in value]
    if isinstance(value, dict):
        return {name: plain_json(item) for name, item in value.items()}
    return value
