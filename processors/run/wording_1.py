"""The texts of behaviour 1, to the byte. They are in journals and in audits: never change one."""

from __future__ import annotations

from collections.abc import Mapping

PEOPLE: Mapping[str, str] = {
    "tool_not_allowed": "{tool} is not among the tools of {agent} ({tools})",
    "needs_approval": "on the allow-list; risk level {level} needs a person's approval",
    "needs_no_approval": "on the allow-list; risk level {level} needs no approval",
    "may_call": "May {agent} call {tool}?",
    "unknown_agent": "no agent {agent!r} is published; publish it with runfold apply",
    "unknown_tool": "agent {agent} names unpublished tools: {tools}",
    "agent_not_usable": "agent {agent} is {problem}; use another version",
    "tool_not_usable": "agent {agent} names {tool}, which is {problem}",
    "agent_withdrawn": "agent {agent} was withdrawn from live runs",
    "run_another_version": "run another version",
    "empty_goal": "the goal is empty; say what the run is to achieve",
    "goal_too_large": "the goal has {size} bytes, the limit is {limit}; "
    "give long texts as attachments",
    "goal_not_inline": "the goal must be given inline, not by reference",
    "deadline_passed": "the deadline of the request has passed",
    "invalid_limits": "every limit of a request must be above zero",
    "other_tenant": "the run belongs to another tenant",
    "already_paused": "the run is paused already",
    "not_paused": "the run is not paused",
    "unclear_resolution": "say whether the call happened or did not happen",
    "arguments_do_not_fit": "{fault}",
    "not_awaiting_approval": "{call} is not a call that waits for an approval: it is {status}",
    "not_awaiting_answer": "{call} is not a call that waits for an answer: it is {status}",
    "not_uncertain": "{call} is not a call that is uncertain: it is {status}",
    "no_call_to_approve": "{call} is not a call that waits for an approval: "
    "no open call has that id",
    "no_call_to_answer": "{call} is not a call that waits for an answer: no open call has that id",
    "no_call_to_resolve": "{call} is not a call that is uncertain: no open call has that id",
    "agents_choice": "the agent's own choice",
    "retry": "retry {number}",
    "by_the_model": "by the model",
    "answer_lost": "no answer came back from the model processor in time",
    "no_answer": "the model processor reported no answer",
    "result_lost": "no result came back from the tool processor in time",
    "cannot_tell": "the tool processor cannot tell",
    "fail_the_run": "fail the run",
    "limit_reached": "{limit} reached: {used} of {allowed}",
    "raise_the_limit": "raise the limit in the agent's manifest and run it again",
    "unusable_answers": "the model gave {count} answers in a row that could not be used",
    "change_the_model": "use another model, or make the instructions clearer",
    # Controls that came later do not apply to these runs.
    "too_old_to_extend": "the run was begun by a release that cannot extend runs",
}
"""What people read in facts; from behaviour 2 on a fact has the code instead."""

MODEL: Mapping[str, str] = {
    "no_call": "Your answer called no tool, so nothing follows from it.",
    "cut_off": "Your answer was cut off at the output limit before it called a tool.",
    "use_exits": "Call a tool; when the goal is met call complete_task, "
    "when it cannot be met call fail_task.",
    "call_refused": "A call of the last answer was refused; its reply says why.",
    "correct_the_call": "Correct the call or choose another way.",
    "unknown_tool": "there is no tool {tool!r}; the tools are {tools}",
    "not_json": "{problem}; send the arguments as one JSON object",
    "not_an_object": "the arguments are not a JSON object",
    "needs_text": "{tool} needs a non-empty text in {field!r}",
    "needs_steps": "update_plan needs 'steps', each with texts in 'id', 'description' and 'status'",
    "new_message": "a new message has arrived; take it into account before you finish",
    "call_alone": "call it alone, after the other calls have come back",
    "cannot_be_checked": "the arguments of {tool} cannot be checked: {problem}",
    "do_not_fit": "the arguments of {tool} do not fit: {place}: {problem}",
    "not_decided": "nobody answered before the deadline",
    "tool_withdrawn": "{tool} was withdrawn, and may not be called any more",
    "result_lost": "no result came back from the tool processor in time",
    "no_reason": "the tool failed and gave no reason",
    "plan_recorded": "The plan is recorded.",
}
"""What the model reads, recorded as it reads it."""
