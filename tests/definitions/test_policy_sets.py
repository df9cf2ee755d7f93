"""Which policies hold for whom at which position."""

from __future__ import annotations

from runfold.events.definitions import DefinitionReleased, DefinitionRetired, Definitions
from runfold.processors.definitions.record import announce
from tests.deciders.given import LOOK, agent
from tests.deciders.governed import NO_SENDING, SENDS, policy
from tests.deciders.policies.test_governed import NOW, about, after, published

ONE, TWO = policy(SENDS, "one"), policy(NO_SENDING, "one", "2.0")


def held(known: Definitions, tenant: str | None) -> list[str]:
    found = known.policies(tenant)
    return [f"{p.definition.name}@{p.definition.version}" for p in found.policies] if found else []


def own(known: Definitions, tenant: str = "acme") -> Definitions:
    return after(known, announce(policy(SENDS, "own"), "ann", NOW, tenant))


def test_without_a_policy_there_is_no_set() -> None:
    assert published(LOOK, agent()).policies("acme") is None


def test_the_shared_ones_and_a_tenants_own_hold_together() -> None:
    known = own(published(LOOK, ONE))
    assert held(known, "acme") == ["one@1.0", "own@1.0"]
    assert held(known, "other") == held(known, None) == ["one@1.0"]


def test_the_newest_version_holds_unless_another_is_released() -> None:
    known = published(ONE, TWO)
    assert held(known, None) == ["one@2.0"]
    released = after(known, DefinitionReleased(**about("policy", "one")))
    assert held(released, None) == ["one@1.0"]


def test_an_earlier_position_keeps_its_set() -> None:
    before = published(ONE)
    known = own(after(before, announce(TWO, "ann", NOW)))
    assert held(known, "acme") == ["one@2.0", "own@1.0"]
    assert held(known.at(before.position), "acme") == ["one@1.0"]
    assert held(known.at(0), "acme") == []
    # Another way on from an earlier position is a memory of its own.
    retired = DefinitionRetired(**about("policy", "one"), retired=True)
    other = after(before, retired)
    assert held(other, None) == []
    assert held(known, None) == ["one@2.0"]


def test_what_is_retired_holds_no_more_until_it_is_taken_back() -> None:
    known = published(ONE)
    gone = after(known, DefinitionRetired(**about("policy", "one"), retired=True))
    assert held(gone, None) == []
    back = after(gone, DefinitionRetired(**about("policy", "one"), retired=False))
    assert held(back, None) == ["one@1.0"]
    assert back.policies(None) == known.policies(None)


def test_tenants_without_policies_of_their_own_share_one_set() -> None:
    known = own(published(ONE))
    assert known.policies("a") is known.policies("b")
    assert known.policies("acme") != known.policies("a")
