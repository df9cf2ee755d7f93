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

from runfold.events.contents.content import JSON, Content, canonical_json
from runfold.events.values import ErrorInfo

PREFIX = "runfold:"
"""How a coded text begins; the rest is a code, and a JSON object where it has parameters."""

SENTENCES: Mapping[str, str] = {
    # Why a call was permitted or forbidden.
    "tool_not_allowed": "{tool} is not among the tools of {agent} ({tools})",
    "needs_approval": "on the allow-list; risk level {level} needs a person's approval",
    "needs_no_approval": "on the allow-list; risk level {level} needs no approval",
    "tainted": "risk level {level} needs a person's approval: the run has read what strangers "
    "wrote ({tools})",
    "lacks_scopes": "{tool} needs the scopes {scopes}, which the requester does not have",
    "may_call": "May {agent} call {tool}?",
    "policy_permits": "permitted by {policies}",
    "policy_permits_asking": "permitted by {policies}; a person must approve it",
    "policy_silent": "no policy forbids it",
    "policy_forbids": "forbidden by {policies}",
    "policy_forbids_because": "forbidden by {policies}: {why}",
    "policy_permits_none": "no policy permits {action} on {resource}",
    "policy_error_stops": "a policy could not be evaluated ({policies}), which keeps nobody from "
    "stopping something",
    "policy_error": "denied: a policy could not be evaluated ({policies})",
    "server_permits": "permitted by the policy server ({policy})",
    "server_permits_asking": "permitted by the policy server ({policy}); a person must approve it",
    "server_denies": "denied by the policy server ({policy})",
    "server_denies_because": "denied by the policy server ({policy}): {why}",
    "server_silent": "denied: the policy server ({policy}) gave no answer that can be used: "
    "{problem}",
    "policy_cannot_judge": "denied: policies cannot look at {argument} of {tool}: {problem}",
    "model_forbidden": "the model {model} is forbidden by {policies}",
    "ask_who_governs": "use another model, or ask whoever governs the policies",
    # Why a request was refused.
    "unknown_agent": "no agent {agent!r} is published; publish it with runfold apply",
    "unknown_tool": "agent {agent} names unpublished tools: {tools}",
    "agent_not_usable": "agent {agent} is {problem}; use another version",
    "unknown_profile": "no response profile {profile!r} is published or built in; publish it with "
    "runfold apply, or name a channel such as web, voice or slack",
    "profile_not_usable": "response profile {profile} is {problem}; use another version",
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
    # Why a run waits for its tenant, or was not admitted.
    "asks_tenant": "asks its tenant to be admitted",
    "at_cap": "{of} has {running} runs running, as many as its policy allows",
    "behind_others": "other runs come before it",
    "budget_spent": "the budget of {of} for this {period} has {left} {unit} left of {limit}, "
    "and the run may need {need}",
    "above_budget": "the run may need {need} {unit}, more than the whole budget of {of} for a "
    "{period}, which is {limit}; give the run a lower limit, or raise the budget",
    "no_amount": "a budget counts {unit}, and neither the run nor the policy of its tenant says "
    "how much a run may need; give the run a limit, or the policy run_amounts",
    "queue_full": "{waiting} runs of the tenant wait already, as many as its policy allows; "
    "ask again later, or raise the size of the queue",
    "at_rate": "{of} may start {runs} runs in a {per}",
    "throttled": "the soft limit of {of} for {unit} in a {period} is reached, so its runs start "
    "one by one",
    "shed": "{waiting} runs of the tenant wait already, as many as its policy allows, and this one "
    "has the lowest priority ({priority}); ask again later",
    "queue_timeout": "the run waited {seconds} s for its tenant, as long as the policy allows",
    "wait_or_raise": "ask again later, or have the tenant's policy changed (runfold tenant show)",
    "stopped": "{what} is stopped by a switch",
    "wait_for_the_switch": "ask whoever threw the switch (runfold switch list), and ask again when "
    "it is on",
    # Why a credential proves nothing.
    "unproved_absent": "it has no credential, and this deployment asks for one: give the client a "
    "token (RUNFOLD_TOKEN)",
    "unproved_malformed": "its credential cannot be read: sign with a token of this deployment",
    "unproved_unknown_key": "its credential is of a key that this deployment does not have: it may "
    "have been taken out; ask for a new token",
    "unproved_does_not_fit": "its credential is not of this record: it was changed, or signed for "
    "something else",
    "unproved_expired": "its credential has expired: ask for a new token",
    "unproved_other_deployment": "its credential is for another deployment",
    "unproved_other_tenant": "its credential does not speak for this tenant",
    "unproved_other_user": "its credential does not speak for this user",
    "unproved_roles": "it asks for roles that its credential does not grant",
    "unproved_scopes": "it asks for scopes that its credential does not grant",
    "unknown_answer": "the tenant's answer is of a newer release",
    "upgrade_runs": "upgrade the run processors, and ask again",
    # Why a run does, or does not, get more than it began with.
    "may_use_more": "May the run use more? {limit} is reached: {used} of {allowed}.",
    "soft_limit_reached": "a cheaper model, since a soft limit of the tenant is reached",
    "not_admitted": "the tenant has not admitted the run",
    "too_many_extensions": "the run was given more {most} times, and a run is no more often",
    "bad_amount": "every amount must be above zero, of a unit that runs have limits of, and once",
    "no_retries_left": "the tenant has {left} retries left in this period",
    "too_old_to_extend": "the run was begun by a release that cannot extend runs",
    "not_begun": "the run has not begun: it waits for its tenant; cancel it, and give a new one "
    "other limits",
    "nothing_added": "say how much more the run may use",
    "added_twice": "say each unit once",
    "unknown_unit": "{unit} is no unit of a run; those are {units}",
    "bad_extension": "{unit}: more is above zero, and at most a million million",
    "not_whole": "{unit} are counted in whole numbers",
    "without_limit": "the run has no limit of {unit}, so there is nothing to extend",
    "not_awaiting_extension": "the run does not wait for a person to extend it",
    "fail_the_call": "the call is not made again",
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
    "stale": "{call} is not what was shown: look at it again (runfold approvals), and decide then",
    "not_shown": "policies demand the digest of what was shown: decide on {call} with the digest "
    "that `runfold approvals` shows",
    "already_approved": "{who} has approved it already; it needs another person",
    "requester_never": "{who} asked for the run, and policies demand that others approve",
    "holds_once": "policies let an approval of {tool} hold once only",
    "invalid_holds": "it cannot hold for that: {fault}",
    "holds_for_others": "the pattern does not match the arguments of {call} itself",
    "other_holds": "the other approvals of {call} hold for something else: say the same",
    "too_many_grants": "{limit} approvals of the run hold for other calls already: approve it once",
    "too_many_roles": "a person may come with {limit} roles",
    "begun_before_take_over": "the run was begun by a release in which nobody could take a run "
    "over; cancel it and run it again",
    "parent_has_ended": "the run that asked for it has ended",
    "child_out_of_time": "the run that asked for it waits no longer",
    "result_was_given": "a person gave the result in its place",
    "flow_has_no_model": "the run is a flow: no model reads or answers in it; speak to the run of "
    "a step (runfold logs --tree shows them), or answer the flow's own questions",
    "has_not_begun": "the run waits to be admitted; it can be taken over once it has begun",
    "held_by": "the run is with {by}, who took it over; they hand it back first",
    "held_by_you": "the run is with you already",
    "not_taken_over": "nobody has taken the run over: its model answers (runfold takeover)",
    "nobody_takes_over": "say who takes the run over",
    "nobody_approves": "policies say who may approve, and no name says who this is (--user)",
    "paused_while_held": "the run is paused; resume it first",
    "calls_are_open": "{calls} are open; wait for their results, give them, or decide on them",
    "has_not_delegated": "{person} has not delegated to {actor} for now (runfold delegate list)",
    "says_nothing": "an answer has words, or calls, or both",
    "too_many_calls": "an answer proposes {count} calls, the limit is {limit}",
    "call_not_usable": "the call of {tool} cannot be taken: {fault}",
    "no_call_to_answer_for": "{call} waits for no result: no open call has that id",
    "not_answerable_for": "{call} waits for no result that a person could give: it is {status}",
    "result_not_usable": "the result cannot be taken: {fault}",
    "undecidable": "it could not be decided: {error}",
    "report_undecidable": "look into the log of the run processor, and report what it says",
    # Why the run did what it did, and how it ended.
    "agents_choice": "the agent's own choice",
    "retry": "retry {number}",
    "by_the_model": "by the model",
    "by_a_person": "by a person in the model's place",
    "nobody_decided": "nobody decided on {call} ({tool}) in time",
    "ask_in_time": "see who is asked, and until when (runfold approvals), and run it again",
    "hold_is_over": "its holder did nothing more in time",
    "answer_lost": "no answer came back from the model processor in time",
    "is_paused": "the run is paused",
    "awaits_more": "the run has met a limit and waits for more",
    "other_policies": "other policies are in force than when it was permitted",
    "other_fallbacks": "a fallback that was named may not be called any more",
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
    "step_failed": "step {step} failed ({attempts} attempts)",
    "look_at_the_step": "see why it failed (runfold logs), mend what it met, and run it again",
    "unusable_answers": "the model gave {count} answers in a row that could not be used",
    # Why a brake was applied.
    "brake_same_calls": "{about} was called {score} times with the same arguments "
    "(threshold {threshold})",
    "brake_similar_calls": "{about} was called {score} times with nearly the same arguments "
    "(threshold {threshold})",
    "brake_error_streak": "{score} calls failed one after another (threshold {threshold})",
    "brake_no_progress": "no step of the plan changed for {score} turns (threshold {threshold})",
    "brake_oscillation": "the same {about} came {score} times in turn (threshold {threshold})",
    "brake_cost_velocity": "{score} US dollars a minute (threshold {threshold})",
    "brake_token_velocity": "{score} tokens a minute (threshold {threshold})",
    "brake_goal_drift": "a judge says that the run has drifted from its goal: {score} of 100 "
    "(threshold {threshold})",
    "judge_stopped": "the judge's model {model} may not be called now",
    "brake_tainted_call": "{about}, of risk level {score}, was asked for after the run had read "
    "what strangers wrote (threshold {threshold})",
    "brake_unfounded_claims": "{score} reports of what no call of the run did "
    "(threshold {threshold})",
    "tool_unavailable": "{tool} failed so often that it is left alone for a while, and the agent "
    "cannot do without it",
    "run_it_later": "find out why it fails, and run it again later",
    "look_at_the_brake": "look at what the run did; the brake {brake} and its threshold are in the "
    "agent's manifest",
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


def question_of(asked: Content) -> str:
    """Return what a person is asked, in words: an agent's question stands in a JSON object."""
    words = (asked.inline or b"").decode("utf-8", "replace")
    if asked.media_type != JSON:
        return words
    try:
        value = json.loads(words)
    except (ValueError, RecursionError):
        return words
    said = value.get("question") if isinstance(value, dict) else value
    return said if isinstance(said, str) and said else words


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
