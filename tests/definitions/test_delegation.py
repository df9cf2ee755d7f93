"""Delegations: who acts for whom and when, and what is refused at the border and by readers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from runfold.events.definitions import AuthorityDelegated, Definitions
from runfold.events.definitions.tenancy.delegation import acting_for, standing_in
from runfold.processors.definitions.record import fold
from tests.spec import START

DAY = timedelta(days=1)


def delegation(person: str, delegate: str, **changes: Any) -> AuthorityDelegated:
    given = {
        "kind": "delegation",
        "name": person,
        "delegate": delegate,
        "tenant": None,
        "starts_at": START,
        "ends_at": START + DAY,
        "reason": "holiday",
        "decided_at": START,
        "decided_by": person,
    }
    return AuthorityDelegated.model_validate(given | changes)


def after(*records: AuthorityDelegated, known: Definitions | None = None) -> Definitions:
    known = known or Definitions()
    for each in records:
        known, refused = fold(known, each, known.position)
        assert refused == ""
    return known


def refusal(record: AuthorityDelegated, *before: AuthorityDelegated) -> str:
    known = after(*before)
    then, refused = fold(known, record, known.position)
    if refused:
        assert list(then.delegations("acme")) == list(known.delegations("acme"))
    return refused


def people(known: Definitions, who: str, at: datetime = START, **more: Any) -> list[str]:
    return [each.person for each in acting_for(known, who, at, "acme", **more)]


def test_a_delegation_holds_from_its_begin_until_its_end() -> None:
    known = after(delegation("ann", "bob", starts_at=START + DAY, ends_at=START + 2 * DAY))
    assert people(known, "bob", START) == []
    assert people(known, "bob", START + DAY) == ["ann"]
    assert people(known, "bob", START + 2 * DAY) == []
    assert people(known, "ann", START + DAY) == []
    assert [d.delegate for d in standing_in(known, "ann", START + DAY)] == ["bob"]


def test_it_is_for_what_it_names_and_for_all_where_it_names_nothing() -> None:
    known = after(delegation("ann", "bob", roles=["duty"], tools=["send"]))
    assert people(known, "bob", role="duty", tool="send") == ["ann"]
    assert people(known, "bob", role="boss", tool="send") == []
    assert people(known, "bob", role="duty", tool="write") == []
    assert people(after(delegation("ann", "bob")), "bob", role="boss", tool="write") == ["ann"]


def test_one_of_a_tenant_holds_for_its_runs_only() -> None:
    known = after(delegation("ann", "bob", tenant="other"))
    assert people(known, "bob") == []
    assert [d.person for d in acting_for(known, "bob", START, "other")] == ["ann"]


def test_what_was_said_last_between_two_persons_holds() -> None:
    first = delegation("ann", "bob", tools=["send"])
    known = after(first, delegation("ann", "bob", tools=["write"]))
    assert people(known, "bob", tool="send") == []
    gone = after(delegation("ann", "bob", revoked=True), known=known)
    assert people(gone, "bob", tool="write") == []


def test_an_older_position_knows_nothing_of_what_was_said_later() -> None:
    before = Definitions()
    known = after(delegation("ann", "bob"), known=before)
    assert people(known, "bob") == ["ann"]
    assert people(known.at(before.position), "bob") == []


def test_it_is_not_passed_on() -> None:
    known = after(delegation("ann", "bob"), delegation("bob", "cid"))
    assert people(known, "cid") == ["bob"]


def test_those_who_are_away_at_other_times_may_act_for_each_other() -> None:
    later = {"starts_at": START + DAY, "ends_at": START + 2 * DAY}
    known = after(delegation("ann", "bob"), delegation("bob", "ann", **later))
    assert people(known, "ann", START + DAY) == ["bob"]


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (delegation("ann", "ann"), "cannot act for themselves"),
        (delegation("ann", " "), "say who is absent"),
        (delegation("ann", "bob", kind="agent"), "is of the kind delegation"),
        (delegation("ann", "bob", ends_at=START), "ends before it begins"),
        (
            delegation("ann", "bob", starts_at=START - 2 * DAY, ends_at=START - DAY),
            "has passed",
        ),
        (delegation("ann", "bob", starts_at=START - DAY), "begins in the past"),
        (delegation("ann", "bob", ends_at=START + 400 * DAY), "at most 366 days"),
        (delegation("ann", "bob", roles=[""]), "without a name"),
        (delegation("ann", "bob", revoked=True), "nothing is delegated"),
        (delegation("bob", "ann"), "nobody would be there"),
        (delegation("cid", "ann"), "nobody would be there"),
    ],
)
def test_what_cannot_hold_is_refused_in_clear_words(record: AuthorityDelegated, why: str) -> None:
    before = {"bob": [delegation("ann", "bob")], "cid": [
        delegation("ann", "bob"), delegation("bob", "cid"),
    ]}.get(record.name, [])  # fmt: skip
    assert why in refusal(record, *before)
