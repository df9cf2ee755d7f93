"""When policies are asked again, and what else than tool calls they are asked about."""

from __future__ import annotations

from runfold.events import run as j
from runfold.events.calls import ModelWork
from runfold.events.contents.content import json_content
from runfold.events.definitions import (
    ModelChoice,
)
from runfold.events.records import commands
from runfold.events.wording import plain
from runfold.processors.engine.aggregate import Command, Env
from runfold.processors.run.decide import decide
from runfold.processors.run.dispatch import dispatch
from runfold.processors.run.lifecycle.endings import EXIT_WITHDRAWN
from runfold.processors.run.state import CallStatus
from tests.deciders.given import (
    answer,
    begins,
    broke,
    call,
    came_back,
    control,
    due,
    model_error,
    request,
    tool,
)
from tests.deciders.governed import (
    NO_SENDING,
    NO_X,
    PAY,
    SENDS,
    SMALL,
    WAITING,
    announced,
    approve,
    asking,
    changed,
    decided,
    governed,
    policy,
)
from tests.deciders.policies.test_governed import after
from tests.spec import Story


def test_a_permission_that_is_revoked_holds_for_the_very_next_call() -> None:
    before = governed(SENDS)
    story = asking(before, call("send")).when(begins(2), came_back(2))
    revoked = after(before, *announced(policy(NO_SENDING, "stop")))
    story = changed(story, revoked).when(answer(call("send", {"path": "b"}), n=3))
    assert "ToolCallDenied" in story.names()
    assert "ToolCallStarted" not in story.names()


def test_a_call_that_waits_is_judged_again_when_it_is_approved() -> None:
    before = governed(SENDS, tools=(WAITING,))
    story = asking(before, call("send"))
    passed = story.when(approve())
    assert passed.names() == ["ToolCallApproved", "PolicyDecided", "ToolCallStarted"]
    revoked = after(before, *announced(policy(NO_SENDING, "stop")))
    story = changed(story, revoked).when(approve())
    assert story.names()[:3] == ["ToolCallApproved", "PolicyDecided", "ToolCallDenied"]
    assert story.only(j.ToolCallDenied).request_id is None


def test_edited_arguments_are_judged_again() -> None:
    asks = PAY.model_copy(update={"approval": "always"})
    story = asking(governed(SMALL, tools=(asks,)), call("pay", {"amount": 1}))
    more = approve(arguments=json_content({"amount": 1000}))
    assert "ToolCallDenied" in story.when(more).names()
    less = approve(arguments=json_content({"amount": 2}))
    assert "ToolCallStarted" in story.when(less).names()


def test_a_call_is_judged_again_before_it_is_tried_again() -> None:
    known = governed(tools=(tool("send", risk_level=3, approval="never", idempotent=True),))
    story = asking(known, call("send")).when(begins(2), broke(2))
    assert story.run.loop.round[0].status is CallStatus.HELD
    revoked = after(known, *announced(policy(NO_SENDING, "stop")))
    story = due(changed(story, revoked))
    assert story.names()[:2] == ["PolicyDecided", "ToolCallDenied"]


def test_a_pool_that_asks_under_other_policies_is_answered_by_them() -> None:
    before = governed(SENDS)
    story = asking(before, call("send"))
    assert story.when(begins(2)).names() == ["CallBegun"]
    still = after(before, *announced(policy(SENDS, "more")))
    assert changed(story, still).when(begins(2)).names() == ["PolicyDecided", "CallBegun"]
    revoked = after(before, *announced(policy(NO_SENDING, "stop")))
    stopped = changed(story, revoked).when(begins(2))
    assert stopped.names()[:2] == ["PolicyDecided", "ToolCallDenied"]


def test_a_pool_that_asks_when_an_approval_is_needed_now_has_to_wait() -> None:
    before = governed(SENDS)
    asked = after(before, *announced(policy('@approval("always")' + SENDS, "more")))
    story = changed(asking(before, call("send")), asked).when(begins(2))
    assert story.names()[:2] == ["PolicyDecided", "ApprovalRequested"]
    story = story.when(approve())
    assert story.names() == ["ToolCallApproved", "PolicyDecided", "ToolCallStarted"]
    assert story.when(begins(2, attempt=2)).names() == ["CallBegun"]


def test_a_paused_run_judges_its_approved_call_when_it_goes_on() -> None:
    before = governed(SENDS)
    story = asking(before, call("send"))
    story = Story(before).when(request(), control(commands.PauseRun, "p1"), answer(call("send")))
    revoked = after(before, *announced(policy(NO_SENDING, "stop")))
    story = changed(story, revoked).when(control(commands.ResumeRun, "p2"))
    assert story.names()[:3] == ["RunResumed", "PolicyDecided", "ToolCallDenied"]


def test_a_run_that_policies_forbid_is_refused_on_record() -> None:
    rule = (
        '@id("no-guests") @reason("Ask the desk.") forbid(principal, action == Action::"run.start",'
        ' resource) when { context.roles.contains("guest") };'
    )
    refused = Story(governed(rule)).when(request(roles=("guest",))).only(j.RunRefused)
    assert refused.code == "forbidden"
    assert plain(refused.reason) == "forbidden by no-guests: Ask the desk."
    begun = Story(governed(rule)).when(request())
    assert begun.names()[:3] == ["RunCreated", "PolicyDecided", "RunStarted"]
    assert decided(begun).resource == "tenant/acme"
    assert plain(decided(begun).reason) == "no policy forbids it"


def test_a_model_that_policies_forbid_is_not_called() -> None:
    story = Story(governed(NO_X.format("scripted:x"))).when(request())
    failed = story.only(j.RunFailed)
    assert "ModelCalled" not in story.names()
    assert failed.exit.exit_code == EXIT_WITHDRAWN
    assert failed.error.error_type == "forbidden_model"


def test_fallbacks_that_policies_forbid_are_left_out() -> None:
    model = ModelChoice(name="scripted:x", fallbacks=("scripted:y", "scripted:z"))
    story = Story(governed(NO_X.format("scripted:y"), model=model)).when(request())
    called = story.only(j.ModelCalled)
    assert called.fallbacks == ("scripted:z",)
    (work,) = dispatch(called, story.run, story.definitions)
    assert isinstance(work.record, ModelWork)
    assert work.record.fallbacks == ("scripted:z",), "what is recorded is what may be asked"
    assert [f.resource for f in story.said if isinstance(f, j.PolicyDecided)] == [
        "model/scripted:x", "model/scripted:y", "model/scripted:z",
    ]  # fmt: skip


def test_a_model_is_judged_again_before_it_is_tried_again() -> None:
    before = governed(NO_X.format("other:model"))
    story = Story(before).when(request(), model_error())
    revoked = after(before, *announced(policy(NO_X.format("scripted:x"), "stop")))
    story = due(changed(story, revoked))
    assert story.names()[:1] == ["PolicyDecided"]
    assert "RunFailed" in story.names()


def test_a_run_of_the_behaviour_before_is_decided_without_policies() -> None:
    known = governed("forbid(principal, action, resource);")
    env = Env(Story(known).now, known)
    facts = decide(None, Command(request()), env, begins_with=6)
    assert [type(fact).__name__ for fact in facts][:2] == ["RunCreated", "RunStarted"]
