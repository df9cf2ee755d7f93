"""What people say about runs afterwards; the topic ``runs.feedback`` holds it [176]."""

from __future__ import annotations

from runfold.events.base import Record, Said, Timestamp
from runfold.events.values import Label


class FeedbackGiven(Record):
    """Somebody judged a run, while it lived or after its end: it changes nothing in the run.

    ``rating`` is 1 (bad) to 5 (good), ``correction`` what the answer should have been, ``seq`` the
    event that it is about; None where that was not said. A repeated ``feedback_id`` is the same
    feedback. ``source`` is the surface that it came through.
    """

    feedback_id: str
    run_id: str
    tenant_id: str
    user_id: str
    given_at: Timestamp
    rating: int | None = None
    text: Said | None = None
    correction: Said | None = None
    seq: int | None = None
    labels: tuple[Label, ...] = ()
    source: str = ""
