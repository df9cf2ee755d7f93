"""What decisions carry: the digest of what was shown, and for what they hold, as it is typed."""

from __future__ import annotations

import pytest

from runfold.events.people.approvals import ArgumentBound, Holds, HoldsFor
from runfold.producers.client.deciding import as_text, bound_of, digest_of, holds_of
from runfold.producers.client.messages import Messages
from runfold.producers.errors import RefusedError

OPEN = bytes(range(32))


@pytest.mark.parametrize(
    ("typed", "bound"),
    [
        ("/amount<=100", ArgumentBound(pointer="/amount", at_most="100")),
        ("/amount >= -1.5", ArgumentBound(pointer="/amount", at_least="-1.5")),
        ('/to="bob"', ArgumentBound(pointer="/to", one_of=('"bob"',))),
        ("/to=bob", ArgumentBound(pointer="/to", one_of=('"bob"',))),
        ("/fast=true", ArgumentBound(pointer="/fast", one_of=("true",))),
        (
            '/currency in ["EUR", "USD"]',
            ArgumentBound(pointer="/currency", one_of=('"EUR"', '"USD"')),
        ),
    ],
)
def test_a_bound_is_read_as_it_is_typed(typed: str, bound: ArgumentBound) -> None:
    assert bound_of(typed) == bound
    assert bound_of(as_text(bound)) == bound


@pytest.mark.parametrize("typed", ["amount<=100", "/amount", "/amount~100", "/a in 5", "/a in []"])
def test_what_is_no_bound_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(RefusedError, match=r"/amount<=100|a list in JSON"):
        bound_of(typed)


def test_two_bounds_of_one_argument_are_a_range() -> None:
    holds = holds_of("pattern", ["/amount>=10", "/amount<=100"], 3)
    bound = ArgumentBound(pointer="/amount", at_least="10", at_most="100")
    assert holds == Holds(scope=HoldsFor.PATTERN, times=3, where=(bound,))
    assert as_text(bound) == "/amount>=10 and /amount<=100"
    with pytest.raises(RefusedError, match="bounded twice"):
        holds_of("pattern", ["/amount<=10", "/amount<=100"])


def test_an_approval_holds_once_and_ten_times_unless_it_says() -> None:
    assert holds_of("once") is None
    assert holds_of("tool") == Holds(scope=HoldsFor.TOOL, times=10)


@pytest.mark.parametrize(
    ("scope", "where", "times", "why"),
    [
        ("always", (), None, "once, run, tool, pattern"),
        ("once", (), 3, "no --where and no --times"),
        ("tool", ("/a=1",), None, "needs a bound"),
        ("pattern", (), None, "needs a bound"),
        ("tool", (), 0, "1 to 1000"),
        ("tool", (), 1001, "1 to 1000"),
    ],
)
def test_what_it_cannot_hold_for_is_refused(
    scope: str, where: tuple[str, ...], times: int | None, why: str
) -> None:
    with pytest.raises(RefusedError, match=why):
        holds_of(scope, where, times)


def test_a_digest_is_what_is_open_unless_one_was_shown() -> None:
    assert digest_of(None, OPEN, "r.2") == OPEN
    assert digest_of(None, None, "r.2") is None
    assert digest_of(OPEN.hex()[:8], OPEN, "r.2") == OPEN
    assert digest_of(("ff" * 32).upper(), OPEN, "r.2") == b"\xff" * 32


@pytest.mark.parametrize("said", ["", "abc", "not a digest", "0" * 65])
def test_what_is_no_digest_is_refused(said: str) -> None:
    with pytest.raises(RefusedError, match="is no digest"):
        digest_of(said, OPEN, "r.2")


def test_the_beginning_of_another_digest_is_refused() -> None:
    with pytest.raises(RefusedError, match="look at it again"):
        digest_of("ffffffff", OPEN, "r.2")


def test_decisions_carry_what_was_seen_and_the_roles_of_who_decides() -> None:
    said = Messages("acme", "ann", roles=("treasurer",), seen={"r.2": OPEN})
    approval = said.approve("r", "r.2", None, None)
    assert (approval.shown_digest, approval.roles) == (OPEN, ("treasurer",))  # type: ignore[attr-defined]
    assert said.deny("r", "r.3", "no").shown_digest is None  # type: ignore[attr-defined]
