"""Names and deadlines that follow from a run's state."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from runfold.events.border import text_of
from runfold.events.contents.content import Content
from runfold.events.json_schema import loaded
from runfold.processors.run.state import Live

_EXCERPT = b'{"artifact":"'
"""How canonical JSON begins that a tool processor put in the place of a large result."""

HANDOUT_GRACE = timedelta(minutes=5)
"""How long beyond its own time-out a call may stay out before the run stops believing in it."""


def timeout_at(started: datetime, timeout_ms: int) -> datetime:
    """Return when a call that was handed out counts as lost.

    The processor enforces ``timeout_ms`` itself; the grace leaves room for a queue before it.
    """
    return after(started, timeout_ms, HANDOUT_GRACE)


FIRST_REMINDER = timedelta(minutes=1)
LONGEST_REMINDER = timedelta(hours=1)
"""After how long a call that nobody has begun is handed out again, at first and at most."""


def unbegun_at(handed_out: datetime, times: int, timeout_ms: int, *, pooled: bool) -> datetime:
    """Return when a call is handed out again that nobody begins; each time it takes longer.

    Of a call that this process makes itself only the end is heard, so that is waited for.
    """
    first = FIRST_REMINDER if pooled else HANDOUT_GRACE
    waits = min(first * 2 ** min(times - 1, 10), LONGEST_REMINDER)
    return after(handed_out, 0 if pooled else 2 * timeout_ms, waits)


LAST = datetime.max.replace(tzinfo=UTC)
"""The latest moment there is: what is due beyond it is due then."""


def after(moment: datetime, milliseconds: int, more: timedelta = timedelta(0)) -> datetime:
    """Return a later moment; no number from outside leads beyond the last."""
    try:
        return moment + timedelta(milliseconds=milliseconds) + more
    except OverflowError:
        return LAST


def working_deadline(run: Live) -> datetime | None:
    """Return when the run's working time is used up; time spent waiting for people is not work."""
    if run.limits.max_duration_ms is None or run.idle.since is not None:
        return None
    return after(run.pinned.created_at, run.limits.max_duration_ms, run.idle.total)


def artifact_of(result: Content) -> str | None:
    """Return the artifact that holds a result: by reference, or named in an excerpt of it."""
    if result.ref is not None or result.inline is None:
        return result.ref
    if not result.inline.startswith(_EXCERPT):
        return None
    try:
        named = loaded(result.inline).get("artifact")
    except (ValueError, AttributeError):
        # It only begins like an excerpt: a fold accepts whatever is on record.
        return None
    return text_of(named) if isinstance(named, str) else None


def outcome_of(call_id: str, attempt: int) -> str:
    """Return the name of one attempt's outcome, which can be news only once."""
    return f"{call_id}/{attempt}"


def signature(tool: str, arguments: Content) -> bytes:
    """Return what identical calls have in common: the tool and its arguments."""
    return hashlib.sha256(tool.encode() + b"\0" + arguments.digest).digest()
