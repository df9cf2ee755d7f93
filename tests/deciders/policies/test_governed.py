"""What a run may begin with, and what a withdrawal forbids to a run that is live."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from runfold.events import run as j
from runfold.events.definitions import (
    AgentDefinition,
    DefinitionRetired,
    Definitions,
    DefinitionWithdrawn,
    LiveRuns,
    StoreRecord,
    ToolContract,
)
from runfold.processors.definitions.record import announce, fold
from runfold.processors.run.lifecycle.endings import EXIT_WITHDRAWN
from tests.deciders.given import LOOK, SEND, TENANT, WRITE, agent, answer, call, request, tool
from tests.spec import Story

NOW = datetime(2026, 1, 2, tzinfo=UTC)
_WHO = {"reason": "unsafe", "decided_at": NOW, "decided_by": "ann"}


def about(kind: str, name: str, version: str = "1.0", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "name": name, "version": version, "tenant": None, **_WHO, **more}


def retire(kind: str, name: str, version: str = "1.0") -> DefinitionRetired:
    return DefinitionRetired(**about(kind, name, version, retired=True))


def withdraw(
    kind: str, name: str, live: LiveRuns = LiveRuns.REFUSE, version: str = "1.0"
) -> DefinitionWithdrawn:
    return DefinitionWithdrawn(**about(kind, name, version, live_runs=live))


def after(definitions: Definitions, *records: StoreRecord) -> Definitions:
    for record in records:
        definitions, reason = fold(definitions, record, definitions.position)
        assert reason == ""
    return definitions


def published(*given: ToolContract | AgentDefinition, tenant: str | None = None) -> Definitions:
    return after(Definitions(), *(announce(each, "ann", NOW, tenant) for each in given))


BASE = (LOOK, WRITE, SEND, agent())


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (retire("agent", "worker"), "retired_agent"),
        (withdraw("agent", "worker"), "withdrawn_agent"),
        (withdraw("agent", "worker", LiveRuns.FINISH), "withdrawn_agent"),
        (retire("tool", "send"), "retired_tool"),
        (withdraw("tool", "send"), "withdrawn_tool"),
    ],
)
def test_a_run_does_not_begin_with_what_is_not_in_force(record: StoreRecord, code: str) -> None:
    refused = Story(after(published(*BASE), record)).when(request()).only(j.RunRefused)
    assert refused.code == code


def test_a_retired_version_begins_a_run_that_asks_for_it() -> None:
    definitions = after(published(*BASE), retire("agent", "worker"))
    run = Story(definitions).when(request(agent_version="1.0"))
    assert run.only(j.RunCreated).agent.version == "1.0"
    gone = after(published(*BASE), withdraw("agent", "worker"))
    refused = Story(gone).when(request(agent_version="1.0")).only(j.RunRefused)
    assert refused.code == "withdrawn_agent"


def test_an_agent_may_pin_a_version_of_a_tool() -> None:
    newer = tool("look", version="2.0", risk_level=0)
    pins = agent(tools=("look@1.0", "write"))
    run = Story(published(LOOK, newer, WRITE, pins)).when(request())
    assert [(pin.name, pin.version) for pin in run.only(j.RunCreated).tools] == [
        ("look", "1.0"),
        ("write", "1.0"),
    ]
    run = run.when(answer(call("look")))
    assert run.only(j.ToolCallProposed).tool_version == "1.0"
    assert run.only(j.ToolCallStarted).tool == "look"
    # The pin goes on where the version is retired, and not where it is withdrawn.
    retired = after(published(LOOK, newer, WRITE, pins), retire("tool", "look"))
    assert Story(retired).when(request()).only(j.RunCreated).tools[0].version == "1.0"
    missing = Story(published(newer, WRITE, pins)).when(request()).only(j.RunRefused)
    assert missing.code == "unknown_tool"


def test_a_tenant_s_own_agent_and_tools_come_before_the_shared_ones() -> None:
    shared = published(*BASE)
    own = tool("look", version="0.1", description="ours")
    ours = agent(version="0.5", tools=("look", "write"))
    both = after(shared, announce(own, "ann", NOW, TENANT), announce(ours, "ann", NOW, TENANT))
    created = Story(both).when(request()).only(j.RunCreated)
    assert [(pin.name, pin.version) for pin in (created.agent, *created.tools)] == [
        ("worker", "0.5"),
        ("look", "0.1"),
        ("write", "1.0"),
    ]
    theirs = Story(both).when(request(tenant_id="other")).only(j.RunCreated)
    assert [(pin.name, pin.version) for pin in (theirs.agent, *theirs.tools)] == [
        ("worker", "1.0"),
        ("look", "1.0"),
        ("write", "1.0"),
        ("send", "1.0"),
    ]
    private = published(*BASE, tenant="other")
    assert Story(private).when(request()).only(j.RunRefused).code == "unknown_agent"


def test_a_live_run_is_denied_the_next_call_of_a_withdrawn_tool() -> None:
    run = Story(published(*BASE)).when(request())
    run = replace(run, definitions=after(run.definitions, withdraw("tool", "look")))
    run = run.when(answer(call("look")))
    assert j.ToolCallStarted not in [type(fact) for fact in run.said]
    assert "withdrawn" in run.only(j.ToolCallDenied).reason
    assert run.only(j.ModelCalled).attempt == 1


def test_a_live_run_goes_on_where_the_withdrawal_lets_it_finish() -> None:
    run = Story(published(*BASE)).when(request())
    finish = (withdraw(kind, name, LiveRuns.FINISH) for kind, name in USED)
    run = replace(run, definitions=after(run.definitions, *finish))
    assert run.when(answer(call("look"))).only(j.ToolCallStarted).tool == "look"


USED = (("tool", "look"), ("agent", "worker"))


def test_a_live_run_of_a_withdrawn_agent_ends_at_its_next_model_call() -> None:
    run = Story(published(*BASE)).when(request())
    run = replace(run, definitions=after(run.definitions, withdraw("agent", "worker")))
    run = run.when(answer(call("nothing")))
    failed = run.only(j.RunFailed)
    assert (failed.error.error_type, failed.exit.exit_code) == ("withdrawn_agent", EXIT_WITHDRAWN)
