"""How a run begins, and which requests are refused."""

from __future__ import annotations

import pytest

from runfold.events import run as j
from runfold.events.contents.content import text
from runfold.events.definitions import Definitions
from runfold.events.values import Limits, RunStatus
from runfold.processors.engine.aggregate import Command, Env
from runfold.processors.run.decide import decide
from runfold.processors.run.lifecycle.admission import MAX_GOAL_BYTES
from runfold.processors.run.state import Ended
from tests.deciders.given import RUN, begun, definitions, request, story
from tests.spec import START, Story


def test_a_request_begins_the_run_and_calls_the_model() -> None:
    run = begun()
    assert run.names() == [
        "RunCreated",
        "RunStarted",
        "UserMessageReceived",
        "ContextHydrated",
        "ModelCalled",
    ]
    assert run.run.status is RunStatus.WAITING_FOR_MODEL
    assert run.only(j.ModelCalled).call_id == f"{RUN}.1"


def test_what_the_run_uses_is_pinned() -> None:
    created = begun().only(j.RunCreated)
    assert (created.agent.name, created.agent.version) == ("worker", "1.0")
    assert [pin.name for pin in created.tools] == ["look", "write", "send"]
    assert created.rulebook == 4


def test_the_goal_is_written_once() -> None:
    run = begun()
    assert run.only(j.RunCreated).request.goal.inline is None
    assert run.only(j.UserMessageReceived).content == text("find out")
    assert run.only(j.RunCreated).request.goal.digest == text("find out").digest


def test_a_repeated_request_changes_nothing() -> None:
    assert begun().when(request()).said == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"agent": "nobody"}, "unknown_agent"),
        ({"agent_version": "9"}, "unknown_agent"),
        ({"goal": text("")}, "empty_goal"),
        ({"goal": text("x" * (MAX_GOAL_BYTES + 1))}, "goal_too_large"),
        ({"goal": text("x").model_copy(update={"inline": None})}, "goal_not_inline"),
        ({"deadline": START}, "deadline_passed"),
        ({"limits": Limits(max_model_calls=0)}, "invalid_limits"),
    ],
)
def test_an_inadmissible_request_is_refused_on_record(
    changes: dict[str, object], code: str
) -> None:
    run = story().when(request(**changes))
    refused = run.only(j.RunRefused)
    assert run.names() == ["RunRefused"]
    assert refused.code == code
    assert refused.exit.exit_code == 2
    assert isinstance(run.state, Ended)
    assert run.state.status is RunStatus.FAILED


def test_an_agent_with_an_unpublished_tool_is_refused() -> None:
    run = story(tools=("look", "fly")).when(request())
    assert run.only(j.RunRefused).code == "unknown_tool"
    assert "fly" in run.only(j.RunRefused).reason


def test_nothing_is_published_nothing_runs() -> None:
    assert Story(Definitions()).when(request()).only(j.RunRefused).code == "unknown_agent"


def test_a_request_tightens_limits_and_never_loosens_them() -> None:
    asked = Limits(max_model_calls=3, max_tool_calls=1000, max_total_tokens=50)
    limits = story().when(request(limits=asked)).only(j.RunCreated).limits
    assert limits.max_model_calls == 3
    assert limits.max_tool_calls == 20
    assert limits.max_total_tokens == 50


def test_the_requester_s_trace_is_kept_and_rubbish_is_not() -> None:
    trace = f"00-{'ab' * 16}-{'cd' * 8}-01"
    for said, kept in ((trace, trace), (None, None), ("00-zz-1-01", None), (trace + "x", None)):
        env = Env(START, definitions())
        (created, *_) = decide(None, Command(request(), said), env)
        assert isinstance(created, j.RunCreated)
        assert created.requester_trace == kept
