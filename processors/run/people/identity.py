"""As whom a person counts: themselves, who is absent and let them act, and the requester."""

from __future__ import annotations

from collections.abc import Iterator

from runfold.events.people.approvals import Approver
from runfold.events.people.persons import folded
from runfold.processors.run.behaviour import BY_PERSON
from runfold.processors.run.draft import Draft


def counts_as(draft: Draft, person: Approver) -> dict[str, str]:
    """Return whom an approval counts for, as names are compared, with each as it is written."""
    said = (each for each in (person.id, person.on_behalf_of) if each)
    return {_compared(draft, each): each for each in said}


def is_requester(draft: Draft, person: Approver) -> bool:
    """Whether a person, or who let them act, asked for the run."""
    return _compared(draft, draft.run.request.user_id) in counts_as(draft, person)


def is_nobody(draft: Draft, person: Approver) -> bool:
    """Whether a name says nothing, so that nobody can be told from others by it."""
    return draft.behaviour >= BY_PERSON and not folded(person.id)


def others(draft: Draft, person: Approver) -> Iterator[str]:
    """Yield by which other names policies may know a person: none before behaviour 8.

    Who is absent and let them act, and the requester where both names say the same.
    """
    if draft.behaviour < BY_PERSON:
        return
    asked = draft.run.request.user_id
    known = (person.on_behalf_of, asked if is_requester(draft, person) else None)
    yield from dict.fromkeys(each for each in known if each and each != person.id)


def _compared(draft: Draft, name: str) -> str:
    return name if draft.behaviour < BY_PERSON else folded(name)
