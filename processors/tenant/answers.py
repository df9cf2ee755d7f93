"""What a tenant answered to runs that asked for more: kept, so that it is answered the same again.

Whatever was set aside is kept for as long as the run runs: how often it may be is bounded. Of what
was declined the newest answers are kept; an older one may be decided once more, and sets nothing
aside twice.
"""

from __future__ import annotations

from runfold.events import tenant as t

MOST_GIVEN = 50
"""How many times one run is given more."""

MOST_DECLINED = 50
"""How many of the answers that declined more are kept of one run, the newest ones."""


def kept(
    before: tuple[t.ExtensionGiven, ...], fact: t.ReservationExtended | t.ExtensionDeclined
) -> tuple[t.ExtensionGiven, ...]:
    """Return a run's answers with one more."""
    now = (*before, _answer(fact))
    too_many = sum(not each.granted for each in now) - MOST_DECLINED
    if too_many <= 0:
        return now
    oldest = next(each for each in now if not each.granted)
    return tuple(each for each in now if each is not oldest)


def known(admission: t.Admission, extension_id: str) -> t.ExtensionGiven | None:
    """Return what a run was answered to what it asked under this id, None where it is not known."""
    found = (each for each in admission.answered if each.extension_id == extension_id)
    return next(found, None)


def is_given_enough(admission: t.Admission) -> bool:
    """Whether a run was given more as often as a run is."""
    return sum(each.granted for each in admission.answered) >= MOST_GIVEN


def again(admission: t.Admission, given: t.ExtensionGiven) -> t.TenantFact:
    """Return the fact that tells a run once more what it was answered."""
    if given.granted:
        return t.ReservationExtended(
            run_id=admission.asks.run_id,
            extension_id=given.extension_id,
            added=given.added,
            reserved=admission.reserved,
            again=True,
        )
    return t.ExtensionDeclined(
        run_id=admission.asks.run_id,
        extension_id=given.extension_id,
        added=given.added,
        code=given.code,
        reason=given.reason,
        retry_after_ms=given.retry_after_ms,
        again=True,
    )


def _answer(fact: t.ReservationExtended | t.ExtensionDeclined) -> t.ExtensionGiven:
    if isinstance(fact, t.ReservationExtended):
        return t.ExtensionGiven(extension_id=fact.extension_id, granted=True, added=fact.added)
    return t.ExtensionGiven(
        extension_id=fact.extension_id,
        granted=False,
        added=fact.added,
        code=fact.code,
        reason=fact.reason,
        retry_after_ms=fact.retry_after_ms,
    )
