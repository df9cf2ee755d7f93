"""What delivery counts; no receiver is named, as there may be many."""

from __future__ import annotations

from runfold.infra.metrics.table import LONG_SECONDS, TABLE

_PROCESS = "delivery"

ATTEMPTS = TABLE.counter(
    "runfold_webhook_attempts",
    "attempts to deliver an event to a receiver, by outcome (delivered, failed, gone, refused)",
    ["outcome"],
    process=_PROCESS,
)
ENDED = TABLE.counter(
    "runfold_webhook_deliveries",
    "deliveries that came to an end, by state (delivered, failed, dropped)",
    ["state"],
    process=_PROCESS,
)
LATENCY = TABLE.histogram(
    "runfold_webhook_latency_seconds",
    "from an event's time to the receiver's answer, of deliveries that were accepted",
    process=_PROCESS,
    buckets=LONG_SECONDS,
)
ANSWERED = TABLE.histogram(
    "runfold_webhook_answer_seconds",
    "how long a receiver took to answer",
    process=_PROCESS,
)
FLYING = TABLE.gauge(
    "runfold_webhook_in_flight",
    "requests to receivers that are under way in this process",
    process=_PROCESS,
)
WAITING = TABLE.gauge(
    "runfold_webhook_runs_waiting",
    "runs of a subscription that wait for the next attempt of a delivery, in this process",
    process=_PROCESS,
)
DUE = TABLE.gauge(
    "runfold_webhook_due_seconds",
    "for how long the same delivery has been the first that is due and was not tried, as seen by "
    "this process; 0 where none is",
    process=_PROCESS,
)
LAG = TABLE.gauge(
    "runfold_delivery_lag_records",
    "offsets of the journals and of alerts that this process has still to read",
    process=_PROCESS,
)
MISSING = TABLE.gauge(
    "runfold_webhook_secrets_missing",
    "secrets that subscriptions name and that are not there; of one process",
    process=_PROCESS,
)
DISABLED = TABLE.counter(
    "runfold_webhook_disabled",
    "subscriptions that were switched off because of their receiver, by code (gone, failing)",
    ["code"],
    process=_PROCESS,
)
NOTIFIED = TABLE.counter(
    "runfold_notifications",
    "notifications by kind of channel and by outcome (sent, failed, unknown, retried)",
    ["kind", "outcome"],
    process=_PROCESS,
)
