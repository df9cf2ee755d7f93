"""What a name stands for after publishing, releasing, retiring, withdrawing and aliasing."""

from __future__ import annotations

import pytest

from runfold.events.definitions import Definitions, LiveRuns, StoreRecord
from tests.definitions.governing import (
    aliased,
    folded,
    published,
    released,
    retired,
    store,
    withdrawn,
)


def live(definitions: Definitions, name: str = "filing", tenant: str | None = None) -> str:
    """The version that a name stands for, or why there is none."""
    found = definitions.resolve("playbook", name, None, tenant)
    if found.published is None:
        return found.problem
    made = found.published.definition
    owner = f" of {found.published.tenant}" if found.published.tenant else ""
    return f"{made.name}@{made.version}{owner}"


BOTH = (published("1.0.0"), published("1.1.0"))


def test_without_a_release_the_newest_version_is_live() -> None:
    assert live(store(*BOTH)) == "filing@1.1.0"
    assert live(store(published("1.10.0"), published("1.9.0"))) == "filing@1.10.0"


@pytest.mark.parametrize(
    ("decisions", "says"),
    [
        ((released("1.0.0"),), "filing@1.0.0"),
        ((released("1.0.0"), released("1.1.0")), "filing@1.1.0"),
        ((released("1.0.0"), released(None)), "filing@1.1.0"),
        ((released("1.0.0"), retired("1.0.0")), "retired"),
        ((released("1.0.0"), withdrawn("1.0.0")), "withdrawn"),
        ((retired("1.1.0"),), "filing@1.0.0"),
        ((retired("1.1.0"), retired("1.1.0", retired=False)), "filing@1.1.0"),
        ((withdrawn("1.1.0"),), "filing@1.0.0"),
        ((retired("1.0.0"), retired("1.1.0")), "retired"),
        ((withdrawn("1.0.0"), withdrawn("1.1.0")), "withdrawn"),
        ((released("1.0.0"), published("1.2.0")), "filing@1.0.0"),
    ],
)
def test_a_name_stands_for_what_was_decided_last(
    decisions: tuple[StoreRecord, ...], says: str
) -> None:
    assert live(store(*BOTH, *decisions)) == says


def test_a_retired_version_is_found_by_its_version_and_a_withdrawn_one_refused() -> None:
    definitions = store(*BOTH, retired("1.0.0"), withdrawn("1.1.0"))
    assert live(definitions, "filing@1.0.0") == "filing@1.0.0"
    assert live(definitions, "filing@1.1.0") == "withdrawn"
    # Runs that pinned it still find it.
    assert definitions.model_script("filing", "1.1.0") is not None


@pytest.mark.parametrize("choice", list(LiveRuns)[1:])
def test_a_withdrawal_says_what_live_runs_may_do(choice: LiveRuns) -> None:
    definitions = store(*BOTH, withdrawn("1.0.0", choice))
    stops = definitions.stops_live_runs("playbook", "filing", "1.0.0", "acme")
    assert (stops is not None) is (choice is LiveRuns.REFUSE)
    assert definitions.stops_live_runs("playbook", "filing", "1.1.0", "acme") is None


def test_a_tenant_s_own_definition_shadows_the_shared_one() -> None:
    definitions = store(published("2.0.0"), published("1.0.0", "acme", said="ours"))
    assert live(definitions, tenant="acme") == "filing@1.0.0 of acme"
    assert live(definitions, tenant="other") == "filing@2.0.0"
    assert live(definitions) == "filing@2.0.0"
    # A version that is not its own it takes from all.
    assert live(definitions, "filing@2.0.0", "acme") == "filing@2.0.0"


def test_no_tenant_sees_another_s() -> None:
    definitions = store(published("1.0.0", "acme"), aliased("files", "filing", tenant="acme"))
    for name in ("filing", "filing@1.0.0", "files"):
        assert live(definitions, name, "other") == "unknown"
        assert live(definitions, name) == "unknown"
    assert definitions.names("playbook", "other") == frozenset()
    assert definitions.names("playbook", "acme") == {"filing", "files"}


def test_two_tenants_may_use_one_name_and_version() -> None:
    definitions = store(
        published("1.0.0", "acme", said="ours"), published("1.0.0", "other", said="theirs")
    )
    for tenant, said in (("acme", "ours"), ("other", "theirs")):
        found = definitions.model_script("filing", None, tenant)
        assert found is not None
        assert found.turns[0].text == said


def test_a_tenant_cannot_take_a_version_that_is_shared() -> None:
    definitions, (reason,) = folded(published("1.0.0"), published("1.0.0", "acme", said="ours"))
    assert reason == "playbook/filing@1.0.0#acme: published before for all tenants"
    assert live(definitions, tenant="acme") == "filing@1.0.0"


def test_a_shared_version_published_later_does_not_replace_a_tenant_s_own() -> None:
    definitions = store(published("1.0.0", "acme", said="ours"), published("1.0.0"))
    assert live(definitions, "filing@1.0.0", "acme") == "filing@1.0.0 of acme"
    assert live(definitions, "filing@1.0.0", "other") == "filing@1.0.0"


def test_a_release_for_one_tenant_leaves_the_others_alone() -> None:
    definitions = store(*BOTH, released("1.0.0", tenant="acme"))
    assert live(definitions, tenant="acme") == "filing@1.0.0"
    assert live(definitions, tenant="other") == "filing@1.1.0"
    both = store(*BOTH, released("1.0.0"), released("1.1.0", tenant="acme"))
    assert [live(both, tenant=each) for each in ("acme", "other")] == [
        "filing@1.1.0",
        "filing@1.0.0",
    ]


def test_an_alias_leads_on_and_may_name_a_version() -> None:
    definitions = store(*BOTH, aliased("files", "filing"), aliased("old", "files@1.0.0"))
    assert live(definitions, "files") == "filing@1.1.0"
    assert live(definitions, "old") == "filing@1.0.0"
    assert live(definitions, "files@1.0.0") == "filing@1.0.0"
    moved = store(*BOTH, aliased("files", "filing"), aliased("files", "filing@1.0.0"))
    assert live(moved, "files") == "filing@1.0.0"
    assert live(store(*BOTH, aliased("files", "filing"), aliased("files", None)), "files") == (
        "unknown"
    )


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (released("9.0.0"), "filing@9.0.0 is not published for all tenants"),
        (released("1.0.0", name="none"), "none@1.0.0 is not published for all tenants"),
        (released(None, name="none"), "no playbook none is published"),
        (released("1.0.0", kind="spell"), "no such kind of definition"),
        (retired("1.0.0", tenant="acme"), "filing@1.0.0 is not published by tenant acme"),
        (retired("1.0.0", retired=False), "filing@1.0.0 is active already"),
        (aliased("filing", "other"), "filing is the name of a published playbook"),
        (aliased("files", "none"), "none is not published for all tenants"),
        (aliased("files", "files@1.0.0"), "files and files@1.0.0 would lead to each other"),
        (aliased("files@1", "filing"), "an alias is a name without a version"),
        (aliased("files", None), "there is no alias files"),
    ],
)
def test_a_decision_that_cannot_hold_is_left_out(record: StoreRecord, why: str) -> None:
    definitions, left_out = folded(*BOTH, record)
    assert [reason.partition(": ")[2] for reason in left_out] == [why]
    assert list(definitions) == list(store(*BOTH))


def test_a_withdrawal_is_for_good() -> None:
    gone = (*BOTH, withdrawn("1.0.0"))
    for record in (released("1.0.0"), retired("1.0.0"), withdrawn("1.0.0")):
        _, (reason,) = folded(*gone, record)
        assert "withdrawn" in reason


def test_aliases_in_a_circle_are_refused() -> None:
    circle = (aliased("a", "filing"), aliased("b", "a"), aliased("a", "b"))
    definitions, (reason,) = folded(*BOTH, *circle)
    assert "a and b would lead to each other" in reason
    assert live(definitions, "b") == "filing@1.1.0"
    long = [aliased(f"n{at}", f"n{at - 1}" if at else "filing") for at in range(12)]
    definitions, left_out = folded(*BOTH, *long)
    assert left_out
    assert live(definitions, "n5") == "filing@1.1.0"


def test_every_version_is_listed_with_what_holds_for_it() -> None:
    definitions = store(
        *BOTH,
        published("2.0.0", "acme"),
        retired("1.0.0"),
        released("1.1.0", tenant="acme"),
        withdrawn("2.0.0", tenant="acme"),
    )
    assert [
        (each.definition.version, each.tenant, each.state.value, each.released_for, each.position)
        for each in definitions
    ] == [
        ("1.0.0", None, "retired", (), 1),
        ("1.1.0", None, "active", ("acme",), 2),
        ("2.0.0", "acme", "withdrawn", (), 3),
    ]
