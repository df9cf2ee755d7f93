"""What people say about runs: durable first, and found by the run [176]."""

from __future__ import annotations

from runfold.events import topics
from runfold.events.records.feedback import FeedbackGiven
from runfold.producers.follow.history import beginning
from runfold.producers.log.port import LogReader
from runfold.surfaces.application import shapes

MOST = 1_000
"""How many are shown of a run; the first that were said."""


def feedback_of(reader: LogReader, tenant: str, run_id: str) -> list[shapes.Feedback]:
    """Return what was said about a tenant's run, the oldest first, each once.

    It reads the partition of the run from the run's own time on.
    """
    found: dict[str, shapes.Feedback] = {}
    for each in reader.read(topics.FEEDBACK, beginning(run_id), key=run_id):
        record = each.record
        if not isinstance(record, FeedbackGiven) or len(found) >= MOST:
            continue
        # Whoever writes to the topic chooses its key: what it says of itself counts.
        if (record.tenant_id, record.run_id) == (tenant, run_id):
            found.setdefault(record.feedback_id, shown(record))
    return list(found.values())


def mean_of(found: list[shapes.Feedback]) -> float | None:
    """Return the mean of the ratings, None where nobody rated."""
    rated = [each.rating for each in found if each.rating is not None]
    return round(sum(rated) / len(rated), 3) if rated else None


def shown(record: FeedbackGiven) -> shapes.Feedback:
    """Return what somebody said about a run as it is shown."""
    return shapes.Feedback(
        feedback_id=record.feedback_id,
        run_id=record.run_id,
        user_id=record.user_id,
        given_at=record.given_at,
        rating=record.rating,
        text=record.text,
        correction=record.correction,
        seq=record.seq,
        labels={each.key: each.value for each in record.labels},
        source=record.source,
    )
