"""Whether a person may let another act for them: asked at the border, and by every reader."""

from __future__ import annotations

from datetime import timedelta

from runfold.events.definitions import AuthorityDelegated, Definitions
from runfold.events.definitions.tenancy.delegation import KIND, leads_back

LONGEST = timedelta(days=366)
"""How long a delegation may last: who is away for longer has a successor."""


def to_delegate(definitions: Definitions, decided: AuthorityDelegated) -> str:  # noqa: PLR0911 - a line each
    """Return why a delegation cannot hold after these definitions, or an empty text."""
    person, delegate = decided.name, decided.delegate
    if decided.kind != KIND:
        return f"a delegation is of the kind {KIND}, not {decided.kind}"
    if not person.strip() or not delegate.strip():
        return "say who is absent, and who acts for them"
    if decided.revoked:
        return _to_revoke(definitions, decided)
    if person == delegate:
        return f"{person} cannot act for themselves: name somebody else"
    if decided.ends_at <= decided.starts_at:
        return "the delegation ends before it begins: give a later end"
    if decided.ends_at <= decided.decided_at:
        return "the end of the delegation has passed: give a later one"
    if decided.starts_at < decided.decided_at:
        return "the delegation begins in the past, and what was decided stays: let it begin now"
    if decided.ends_at - decided.starts_at > LONGEST:
        return f"a delegation lasts at most {LONGEST.days} days: give an earlier end"
    if not all(each.strip() for each in (*decided.roles, *decided.tools)):
        return "a role or a tool without a name: leave it out to delegate all"
    if leads_back(definitions, decided):
        return (
            f"{delegate} has delegated to {person} for the same time, directly or through others: "
            "nobody would be there; revoke that first"
        )
    return ""


def _to_revoke(definitions: Definitions, decided: AuthorityDelegated) -> str:
    for each in definitions.delegations(decided.tenant):
        same = (each.person, each.delegate) == (decided.name, decided.delegate)
        if same and each.tenant == decided.tenant:
            return ""
    return (
        f"nothing is delegated to {decided.delegate} by {decided.name}: `runfold delegate list` "
        "shows what is"
    )
