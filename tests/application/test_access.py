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
from runfold.surfaces.application.governing.policies.persons_asked import counted
from runfold.surfaces.application.governing.policies.who_can import who_can
from runfold.surfaces.application.shapes import AccessReview
from runfold.surfaces.cli.operations.governing.access import COLUMNS, _plain, rows_of
from tests.deciders.given import LOOK, SEND, TENANT, WRITE, agent, tool
from tests.deciders.governed import SENDS, X9, governed, kube, policy
from tests.deciders.policies.test_governed import after, published

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
    mild = agent(approval_from_level=5, tools=("x",))
    known = published(contract, mild, policy("permit(principal, action, resource);"))
    free = terms_of(known, mild, contract, TENANT)
    assert free.approval is (level.approval == "always")
    assert (free.claim, free.permit) == (level.claim, level.permit)
    assert free.persons == (level.persons if free.approval else 0)


def test_two_persons_are_asked_at_level_4_only_where_policies_are_in_force() -> None:
    """Nobody counts approvers where there are no policies."""
    contract = tool("x", risk_level=4)
    bare = published(contract, agent(tools=("x",)))
    (alone,) = terms_of_agent(bare, "worker", TENANT)
    (ruled,) = terms_of_agent(governed(ANYTHING, tools=(contract,)), "worker", TENANT)
    assert (alone.persons, ruled.persons) == (1, 2)


SMALL = """@id("small") @approval("never") permit(principal, action, resource == Tool::"send")
when { context.hour < 9 };"""
LARGE = """@id("large") @approvers("2") @requester("never")
permit(principal, action, resource == Tool::"send") when { context.hour >= 9 };"""
ANYTHING = "permit(principal, action, resource);"


@pytest.mark.parametrize(
    ("rules", "persons", "why"),
    [
        ((), (1, 1), []),
        ((ANYTHING,), (1, 1), []),
        ((LARGE,), (2, 2), ["large asks for 2 persons, not the requester, where it permits"]),
        ((SMALL, LARGE), (0, 2), ["small asks nobody, where", "large asks for 2 persons"]),
        ((ANYTHING, LARGE), (1, 2), ["large asks for 2 persons"]),
        (('@approvers("3") @holds("once") ' + ANYTHING,), (3, 3), ["3 persons, for that call"]),
        (('@approval("never") ' + ANYTHING,), (0, 0), ["asks nobody"]),
    ],
)
def test_terms_and_grants_say_how_many_persons_rules_ask_for(
    rules: tuple[str, ...], persons: tuple[int, int], why: list[str]
) -> None:
    contract = tool("send", risk_level=2)
    known = governed(*rules, tools=(contract,), approval_from_level=1)
    (terms,) = terms_of_agent(known, "worker", TENANT)
    (grant,) = who_can(known, "tool.call", "send", tenant=TENANT)

    assert (terms.persons_least, terms.persons) == persons
    assert (grant.persons_least, grant.persons) == persons
    assert all(any(part in each for each in terms.why) for part in why)
    assert all(any(part in each for each in grant.asks) for part in why)
    assert len(grant.asks) == len(why)


def test_persons_that_the_action_of_a_contract_asks_for_are_said() -> None:
    read = kube("kube.read", "read")
    bot = agent(name="deploy-bot", tools=("kube.read",))
    known = published(read, bot, policy('@approvers("2") ' + X9))

    (terms,) = terms_of_agent(known, "deploy-bot", TENANT)
    assert (terms.persons_least, terms.persons) == (2, 2)
    grants = [
        who_can(known, "read", f"Namespace::{name}", tenant=TENANT)[0]
        for name in ("production", "test")
    ]
    assert [(each.answer, each.persons) for each in grants] == [("yes", 2), ("no", None)]


def test_below_level_2_a_call_needs_no_permit_and_may_ask_nobody() -> None:
    known = governed(LARGE.replace("send", "look"), tools=(LOOK,))
    (terms,) = terms_of_agent(known, "worker", TENANT)
    assert (terms.persons_least, terms.persons) == (0, 2)


def test_persons_are_counted_in_words() -> None:
    said = [counted(*each) for each in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))]
    assert said == ["no", "1 person", "2 persons", "up to 1 person", "up to 2 persons",
                    "1 to 2 persons"]  # fmt: skip
