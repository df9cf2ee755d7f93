"""Policy servers: asked before a call begins, after the rules in force, and only ever stricter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runfold.events import run as j
from runfold.events.calls import Outcome, PolicyResult, PolicyWork, ServerAnswer
from runfold.events.contents.content import json_content
from runfold.events.definitions import Definitions, PolicyServer
from runfold.events.records import commands
from runfold.events.values import ErrorInfo
from runfold.events.wording import plain
from runfold.processors.run.dispatch import reopen
from runfold.processors.run.policy.cedar.checking import canonical
from runfold.processors.run.state import CallStatus, PolicyCall
from tests.deciders.given import (
    LOOK,
    RUN,
    agent,
    answer,
    begins,
    broke,
    call,
    came_back,
    control,
    due,
    request,
    tool,
)
from tests.deciders.governed import (
    NO_SENDING,
    PAY,
    SENDS,
    announced,
    approve,
    changed,
    policy,
)
from tests.deciders.policies.test_governed import after, published
from tests.spec import Story

SEND = tool("send", risk_level=3, approval="never", idempotent=True)
ALL = 'permit(principal, action == Action::"tool.call", resource);'


def asked_of(cedar: str = ALL, name: str = "central", **said: Any) -> Any:
    server = PolicyServer(**{"path": "runfold/tools", **said})
    made = policy(cedar, name)
    return made.model_copy(update={"server": server, "cedar": canonical(cedar)})


def served(*policies: Any, tools: tuple[Any, ...] = (SEND,)) -> Definitions:
    names = tuple(each.name for each in tools)
    return published(*tools, agent(tools=names), *(policies or (asked_of(),)))


def proposing(known: Definitions, *calls: Any) -> Story:
    return Story(known).when(request(), answer(*(calls or (call("send"),))))


def said(
    n: int = 3, attempt: int = 1, policies: tuple[str, ...] = ("central@1.0",), **more: Any
) -> PolicyResult:
    answers = tuple(
        ServerAnswer(**{"policy": each, "permitted": True, "decision_id": "d-1", **more})
        for each in policies
    )
    return PolicyResult(
        run_id=RUN,
        call_id=f"{RUN}.{n}",
        attempt=attempt,
        outcome=Outcome.SUCCEEDED,
        latency_ms=3,
        answers=answers,
        input_digest=b"i" * 32,
    )


def silent(
    n: int = 3, attempt: int = 1, outcome: Outcome = Outcome.HELD, **more: Any
) -> PolicyResult:
    error = ErrorInfo(error_type="policy_server", message="it is away", retryable=True)
    fields = {"outcome": outcome, "answers": (), "input_digest": None, "error": error, **more}
    return said(n, attempt).model_copy(update=fields)


def question(story: Story) -> PolicyCall:
    return next(each for each in story.run.loop.calls if isinstance(each, PolicyCall))


def test_a_call_begins_only_after_the_servers_permit() -> None:
    known = served()
    story = proposing(known)
    assert story.names()[-4:] == [
        "ToolCallProposed", "PolicyDecided", "ToolCallApproved", "PolicyAsked",
    ]  # fmt: skip
    (work,) = reopen(story.run, known)
    assert isinstance(work.record, PolicyWork)
    assert work.record.questions[0].path == "runfold/tools"
    story = story.when(said(revision="r7"))
    assert story.names() == ["PolicyAnswered", "PolicyDecided", "PolicyDecided", "ToolCallStarted"]
    decision = story.said[1]
    assert isinstance(decision, j.PolicyDecided)
    assert decision.server is not None
    assert decision.server.decision_id == "d-1"
    assert decision.server.revision == "r7"
    assert decision.server.input_digest == work.record.input.digest
    assert decision.policy_digest == known.policies("acme").digest
    assert plain(decision.reason) == "permitted by the policy server (central@1.0)"


def test_the_input_holds_what_rules_see_and_no_other_argument() -> None:
    known = served(tools=(PAY.model_copy(update={"risk_level": 1}),))
    story = proposing(known, call("pay", {"amount": 1.5, "to": "ann", "secret": "x"}))
    given = json.loads(question(story).input.inline or b"")
    assert given["arguments"] == {"amount": 1.5, "to": "ann"}
    assert given["tool"]["level"] == 1
    assert given["context"]["cost"] == "0.01"
    assert given["tenant"] == "acme"


def test_what_a_server_denies_is_denied_with_its_reason() -> None:
    story = proposing(served()).when(said(permitted=False, reason="Not today."))
    assert story.names()[:3] == ["PolicyAnswered", "PolicyDecided", "ToolCallDenied"]
    denied = story.only(j.ToolCallDenied)
    assert denied.code == "forbidden"
    assert "central@1.0 denies this call: Not today." in denied.reason
    assert "ToolCallStarted" not in story.names()


def test_a_server_permits_nothing_that_rules_do_not() -> None:
    story = proposing(served(asked_of(NO_SENDING)))
    assert "PolicyAsked" not in story.names()
    assert story.only(j.ToolCallDenied).code == "forbidden"


def test_a_rule_that_forbids_meanwhile_wins_over_the_server() -> None:
    known = served()
    story = proposing(known)
    stopped = after(known, *announced(policy(NO_SENDING, "stop")))
    story = changed(story, stopped).when(said())
    assert story.names()[:3] == ["PolicyAnswered", "PolicyDecided", "ToolCallDenied"]
    assert "ToolCallStarted" not in story.names()


def test_an_answer_to_a_question_under_other_policies_is_asked_again() -> None:
    known = served()
    more = after(known, *announced(policy(SENDS, "more")))
    story = changed(proposing(known), more).when(said())
    assert story.names() == ["PolicyAnswered", "PolicyDecided", "PolicyAsked"]
    assert question(story).judged_by == more.policies("acme").digest
    assert "ToolCallStarted" in story.when(said(n=4)).names()


def test_a_server_may_have_a_person_asked() -> None:
    story = proposing(served()).when(said(asks_person=True))
    assert story.names()[:3] == ["PolicyAnswered", "PolicyDecided", "ApprovalRequested"]
    story = story.when(approve())
    assert story.names() == ["ToolCallApproved", "PolicyDecided", "PolicyAsked"]
    assert "ToolCallStarted" in story.when(said(n=4, asks_person=True)).names()


def test_edited_arguments_are_shown_to_the_server() -> None:
    pay = PAY.model_copy(update={"approval": "always"})
    story = proposing(served(tools=(pay,)), call("pay", {"amount": 1}))
    story = story.when(approve(arguments=json_content({"amount": 900})))
    assert json.loads(question(story).input.inline or b"")["arguments"] == {"amount": 900}


@pytest.mark.parametrize("outcome", [Outcome.HELD, Outcome.FAILED])
def test_a_call_is_held_while_a_server_is_away(outcome: Outcome) -> None:
    story = proposing(served()).when(silent(outcome=outcome))
    assert story.names() == ["CallHeld"]
    assert question(story).status is CallStatus.HELD
    story = due(story)
    assert story.names() == ["PolicyAsked"]
    assert question(story).attempt == 2
    assert "ToolCallStarted" in story.when(said(attempt=2)).names()


def test_a_call_is_denied_while_a_server_is_away_where_its_policy_says_so() -> None:
    story = proposing(served(asked_of(when_unavailable="deny")))
    story = story.when(silent(outcome=Outcome.FAILED))
    assert story.names()[:3] == ["PolicyUnanswered", "PolicyDecided", "ToolCallDenied"]
    decision = story.said[1]
    assert isinstance(decision, j.PolicyDecided)
    assert decision.effect is j.PolicyEffect.FORBID
    assert "it is away" in plain(decision.reason)


@pytest.mark.parametrize("policies", [(), ("other@1.0",), ("central@1.0", "central@1.0")])
def test_answers_to_other_questions_permit_nothing(policies: tuple[str, ...]) -> None:
    story = proposing(served()).when(said(policies=policies))
    assert story.names() == ["CallHeld"]


def test_an_answer_to_an_attempt_that_is_over_changes_nothing() -> None:
    story = due(proposing(served()).when(silent()))
    assert story.when(said(attempt=1)).said == ()


def test_every_server_must_permit() -> None:
    both = (asked_of(), asked_of(SENDS, "second", path="second"))
    names = ("central@1.0", "second@1.0")
    story = proposing(served(*both))
    assert len(question(story).questions) == 2
    assert "ToolCallStarted" in story.when(said(policies=names)).names()
    one = said(policies=names)
    mixed = (one.answers[0], one.answers[1].model_copy(update={"permitted": False}))
    story = story.when(one.model_copy(update={"answers": mixed}))
    assert story.names()[:4] == [
        "PolicyAnswered", "PolicyDecided", "PolicyDecided", "ToolCallDenied",
    ]  # fmt: skip


def test_it_is_asked_from_its_level_on() -> None:
    known = served(asked_of(from_level=3), tools=(SEND, LOOK))
    story = proposing(known, call("look"), call("send"))
    assert story.only(j.PolicyAsked).about == f"{RUN}.3"
    started = [fact.tool for fact in story.said if isinstance(fact, j.ToolCallStarted)]
    assert started == ["look"]


def test_a_call_that_is_tried_again_is_asked_about_again() -> None:
    story = proposing(served()).when(said(), begins(2), broke(2))
    story = due(story)
    assert story.names() == ["PolicyDecided", "PolicyAsked"]
    # Its own pause is over: nothing but the answer is waited for.
    assert story.run.loop.round[0].status is CallStatus.APPROVED
    story = story.when(said(n=4))
    assert story.only(j.ToolCallStarted).attempt == 2


def test_other_calls_of_the_round_ask_nothing_a_second_time() -> None:
    known = served(tools=(SEND, LOOK))
    story = proposing(known, call("send"), call("look"))
    assert story.names().count("PolicyAsked") == 2
    story = story.when(said(n=4))
    assert story.names() == ["PolicyAnswered", "PolicyDecided", "PolicyDecided", "ToolCallStarted"]


def test_a_call_that_is_out_is_asked_about_again_under_other_policies() -> None:
    before = served(policy(ALL, "rules"))
    story = proposing(before)
    assert story.names()[-1] == "ToolCallStarted"
    now = after(before, *announced(asked_of(SENDS)))
    story = changed(story, now).when(begins(2))
    assert story.names() == ["PolicyDecided", "CallHeld"]
    story = due(story)
    assert story.names() == ["PolicyDecided", "PolicyAsked"]
    assert story.when(said()).only(j.ToolCallStarted).attempt == 2


def test_a_question_that_nobody_asks_any_more_lets_the_call_go_on() -> None:
    known = served()
    story = proposing(known).when(silent())
    instead = policy(ALL, "central", version="2.0")
    story = due(changed(story, after(known, *announced(instead))))
    assert story.names() == ["PolicyAnswered", "PolicyDecided", "ToolCallStarted"]


def test_an_answer_that_comes_while_the_run_is_paused_is_asked_for_again() -> None:
    story = proposing(served()).when(control(commands.PauseRun, "p1"), said())
    assert story.names() == ["PolicyAnswered", "PolicyDecided"]
    story = story.when(control(commands.ResumeRun, "p2"))
    assert story.names() == ["RunResumed", "PolicyDecided", "PolicyAsked"]


def test_without_a_server_nothing_is_asked() -> None:
    story = proposing(served(policy(ALL, "rules"))).when(begins(2), came_back(2))
    assert not any("PolicyA" in name for name in story.names())
