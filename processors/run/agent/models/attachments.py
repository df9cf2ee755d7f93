"""A request's attachments: whether they can be taken, and what the model is shown with the goal.

They stand in ``RunCreated``; the messages of the transcript do not repeat them.
"""

from __future__ import annotations

from collections.abc import Mapping

from runfold.events import run as j
from runfold.events.contents import attachments as kinds
from runfold.events.values import Attachment
from runfold.processors.run.state import Live

BEGUN = 5
"""The behaviour from which attachments are shown."""


def shown(run: Live) -> tuple[Attachment, ...]:
    """Return what a model is shown beside the goal."""
    return run.request.attachments if run.behaviour >= BEGUN else ()


def tokens(run: Live) -> int:
    """Return about how many tokens a model reads of them at every call."""
    return kinds.tokens_of(shown(run))


def refs(run: Live) -> tuple[j.ContextRef, ...]:
    """Return what names them in the first context."""
    return tuple(
        j.ContextRef(kind="attachment", id=each.name, digest=each.content.digest)
        for each in shown(run)
    )


def fault_of(attached: tuple[Attachment, ...]) -> tuple[str, Mapping[str, int]] | None:
    """Return why attachments cannot be taken, by a code with its parameters."""
    if len(attached) > kinds.MOST:
        return "too_many_attachments", {"count": len(attached), "limit": kinds.MOST}
    size = sum(each.content.size for each in attached if kinds.is_within_reach(each.content))
    if size > kinds.MOST_BYTES:
        return "attachments_too_large", {"size": size, "limit": kinds.MOST_BYTES}
    return None
