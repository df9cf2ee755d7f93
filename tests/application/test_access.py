"""Who can do what, what was used of it, and what calls ask for: as definitions are now [115]."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runfold.events.definitions import Definitions, SwitchThrown
from runfold.events.definitions.levels import LEVELS
from runfold.surfaces.application.errors import NotFoundError
from runfold.surfaces.application.governing.access import review as module
from runfold.surfaces.application.governing.access.review import review
from runfold.surfaces.application.governing.access.terms import terms_of, terms_of_agent
from runfold.surfaces.application.governing.access.usage import Usage, Used
from runfold.surfaces.application.shapes import AccessReview
from runfold.surfaces.cli.operations.access import COLUMNS, _plain, rows_of
from tests.deciders.given import LOOK, SEND, TENANT, WRITE, agent, tool
from tests.deciders.governed import SENDS, governed
from tests.deciders.test_governed import after, published

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SINCE = NOW - timedelta(days=90)
LONG_AGO = NOW - timedelta(days=300)
BASE = published(LOOK, WRITE, SEND, agent(approval_from_level=1))


def reviewed(known: Definitions, usage: Usage | None = None, **more: Any) -> AccessReview:
    given = {"tenant": TENANT, "since": SINCE, "now": NOW, **more}
    return review(known, usage or Usage(), **given)


def used(tools: dict[str, Used], runs: Used | None = None) -> Usage:
    starts = {(TENANT, "ann", "worker"): runs or Used(1, NOW)}
    return Usage({(TENANT, "worker", name): each for name, each in tools.items()}, starts)


def findings(found: AccessReview) -> dict[str, tuple[str, ...]]:
    return {each.tool: each.findings for each in found.tools}


def test_a_tool_whose_contract_contradicts_its_level_is_found() -> None:
    odd = LOOK.model_copy(update={"effect": "It is gone."})
    known = published(odd, WRITE, SEND, agent(approval_from_level=1))
    assert "level_contradicted" in findings(reviewed(known))["look"]
    assert all("level_contradicted" not in each.findings for each in reviewed(BASE).tools)


def test_what_may_be_done_and_never_was_is_found() -> None:
    usage = used({"look": Used(3, NOW), "write": Used(0, LONG_AGO)})
    found = reviewed(BASE, usage)
    assert findings(found) == {
        # Its contract says that no person is asked.
        "send": ("high_risk_without_approval", "never_used"),
        "write": ("not_used",),
        "look": (),
    }
    assert [(each.tool, each.calls) for each in found.tools] == [
        ("send", 0),
        ("write", 0),
        ("look", 3),
    ], "what has findings comes first, the dangerous before the harmless"
    assert found.findings == 3
    assert found.complete


def test_what_may_not_be_done_needs_no_use() -> None:
    forbid = 'forbid(principal, action == Action::"tool.call", resource == Tool::"send");'
    found = {each.tool: each for each in reviewed(governed(forbid)).tools}
    assert (found["send"].answer, found["send"].findings) == ("no", ())
    assert found["send"].policies == ("rules-0/0",)
    assert found["look"].answer == "yes"


def test_an_agent_that_nobody_runs_is_found() -> None:
    assert [each.findings for each in reviewed(BASE).agents] == [("never_run",)]
    rarely = used({}, Used(0, LONG_AGO))
    assert [each.findings for each in reviewed(BASE, rarely).agents] == [("not_run",)]
    assert [each.findings for each in reviewed(BASE, used({})).agents] == [()]


def test_a_permit_that_nothing_rests_on_is_found_and_a_forbid_is_not() -> None:
    known = governed(SENDS, "forbid(principal, action, resource) when { context.hour < 3 };")
    rules = {(TENANT, "rules-0/0"): Used(2, NOW)}
    assert {e.rule: e.findings for e in reviewed(known).rules} == {
        "rules-0/0": ("permit_unused",),
        "rules-1/0": (),
    }
    assert [e.findings for e in reviewed(known, Usage(rules=rules)).rules] == [(), ()]


def test_who_started_runs_and_may_not_any_more_is_found() -> None:
    forbid = 'forbid(principal in User::"ann", action == Action::"run.start", resource);'
    starts = {(TENANT, user, "worker"): Used(2, NOW) for user in ("ann", "bob")}
    found = reviewed(governed(forbid), Usage(starts=starts)).starts
    assert [(each.user, each.answer, each.findings) for each in found] == [
        ("ann", "no", ("may_no_more",)),
        ("bob", "yes", ()),
    ]


def test_switches_are_listed_with_who_threw_them_and_what_is_overdue() -> None:
    def thrown(name: str, at: datetime, tenant: str | None = None) -> SwitchThrown:
        return SwitchThrown(
            kind="tool", name=name, tenant=tenant, stopped=True, reason="leak", decided_at=at,
            decided_by="ann",
        )  # fmt: skip

    known = after(BASE, thrown("send", LONG_AGO), thrown("write", NOW), thrown("look", NOW, "x"))
    found = reviewed(known)
    assert [(each.name, each.findings, each.thrown_by) for each in found.switches] == [
        ("send", ("stopped", "overdue"), "ann"),
        ("write", ("stopped",), "ann"),
    ]
    answers = {each.tool: each.answer for each in found.tools}
    assert answers == {"send": "no", "write": "no", "look": "yes"}


def test_without_a_tenant_every_tenant_with_definitions_or_runs_is_reviewed() -> None:
    usage = Usage(starts={("globex", "eve", "worker"): Used(1, NOW)})
    assert reviewed(BASE, usage, tenant=None).tenants == ("globex",)
    assert reviewed(BASE, tenant=None).tenants == ("default",)
    own = published(LOOK, agent(tools=("look",)), tenant="acme")
    assert reviewed(own, usage, tenant=None).tenants == ("acme", "globex")


def test_a_review_is_bounded_and_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PAIRS", 2)
    heard: list[tuple[int, int]] = []
    found = reviewed(BASE, told=lambda done, whole: heard.append((done, whole)))
    assert (len(found.tools), found.complete) == (2, False)
    assert heard == [(0, 2), (1, 2), (2, 2)]


def test_every_line_has_every_column_and_no_cell_is_a_formula() -> None:
    known = after(governed(SENDS))
    rows = list(rows_of(reviewed(known, used({"look": Used(1, NOW)}))))
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert {row[0] for row in rows} == {"tool", "start", "agent", "rule"}
    assert _plain("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert _plain("@x") == "'@x"
    assert _plain(None) == ""


def test_the_terms_of_a_tool_follow_level_contract_and_agent() -> None:
    asks = {
        each.tool: (each.approval, each.dry_run, each.claim, each.permit)
        for each in terms_of_agent(BASE, "worker", TENANT)
    }
    assert asks == {
        "look": (False, False, False, False),
        "write": (True, False, True, False),
        "send": (False, False, True, False),
    }
    (only,) = terms_of_agent(governed(SENDS, tools=(SEND,)), "worker", TENANT)
    assert only.permit
    assert "policies are in force: they decide on each call" in only.why
    with pytest.raises(NotFoundError):
        terms_of_agent(BASE, "nobody", TENANT)


@pytest.mark.parametrize("level", LEVELS)
def test_the_table_of_levels_is_what_terms_say(level: Any) -> None:
    contract = tool("x", risk_level=level.number)
    free = terms_of(agent(approval_from_level=5), contract, governed=True)
    assert free.approval is (level.approval == "always")
    assert (free.claim, free.permit) == (level.claim, level.permit)
    assert free.persons == (level.persons if free.approval else 0)
