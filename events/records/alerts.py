"""What the monitor says about the health of the agents; the topic ``alerts`` holds it."""

from __future__ import annotations

from runfold.events.base import Record, Symbol, Timestamp


class Severity(Symbol):
    """How soon a person should look."""

    UNKNOWN = "unknown"
    TICKET = "ticket"
    PAGE = "page"


class AlertRaised(Record):
    """A rule's condition holds for a subject, and did not before.

    ``alert_id`` is ``rule/subject/n``, the n-th time it was raised: equal ids are one alert.
    ``value`` and ``threshold`` are decimal texts in the rule's own unit; ``window_ms`` is 0 where
    the rule looks at the present moment. ``run_ids`` are runs that prove it, newest first,
    bounded in number.
    """

    alert_id: str
    rule: str
    subject: str
    severity: Severity
    summary: str
    value: str
    threshold: str
    window_ms: int
    raised_at: Timestamp
    run_ids: tuple[str, ...]


class AlertCleared(Record):
    """The condition of a raised alert is proven to hold no more; ``alert_id`` is the raised one's.

    ``value`` is None where nothing of the kind happened any more, or the rule was withdrawn.
    """

    alert_id: str
    rule: str
    subject: str
    value: str | None
    reason: str
    raised_at: Timestamp
    cleared_at: Timestamp
