"""Webhooks and notifications as they are shown: who gets what, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from runfold.surfaces.application.shapes.base import SHAPE, Json, Shape


class Webhook(Shape):
    """A subscription in force; ``state`` is on, off, or failing while its receiver fails.

    ``secrets`` are names; ``missing_secrets`` those of them that the process that delivers cannot
    use: it signs with the others. ``open`` counts deliveries under way or waiting, ``replayed``
    those of replays among them, ``failed`` those that were given up. ``oldest_open_at`` is the time
    of the oldest event that is still to be delivered for the first time, ``next_attempt_at`` when
    the next is tried that failed before.
    """

    shape: Literal[2] = SHAPE
    name: str
    version: str
    tenant: str | None
    state: str
    reason: str
    url: str
    events: tuple[str, ...]
    filter: dict[str, Json]
    contents: str
    secrets: tuple[str, ...]
    failing_since: datetime | None
    last_ok_at: datetime | None
    open: int
    failed: int
    missing_secrets: tuple[str, ...] = ()
    replayed: int = 0
    oldest_open_at: datetime | None = None
    next_attempt_at: datetime | None = None


class WebhookAttempt(Shape):
    """One attempt: the status that was answered, or why there was none."""

    attempt: int
    attempted_at: datetime
    code: int | None
    error: str | None
    took_ms: int | None


class WebhookDelivery(Shape):
    """An event for a subscription; ``state`` is open, delivered, failed or dropped.

    ``number`` is where a list goes on. ``attempts`` are all that were made, ``due_at`` is when the
    next one is; ``replay`` counts replays, 0 for the first time. ``waits_for`` is the number of the
    delivery of the same run that has to be sent, or to fail, before it.
    """

    shape: Literal[2] = SHAPE
    number: int
    webhook_id: str
    run_id: str
    seq: int
    type: str
    occurred_at: datetime
    tenant_id: str
    replay: int
    state: str
    due_at: datetime | None
    attempts: tuple[WebhookAttempt, ...]
    waits_for: int | None = None


class Notification(Shape):
    """A notification of a subscriber; ``state`` is open, sending, sent, failed, unknown, dropped.

    ``unknown`` is one of which nobody knows whether it arrived: it is not sent again.
    """

    shape: Literal[2] = SHAPE
    number: int
    subscriber: str
    tenant_id: str
    run_id: str
    about: str
    said: str
    occurred_at: datetime
    due_at: datetime
    state: str
    attempts: int
    error: str | None
    done_at: datetime | None


class WebhookReplay(Shape):
    """What a replay has added: ``events`` are sent again, by the ids that they had.

    ``tried_first`` counts runs of which an earlier delivery waited for its next attempt: it is
    tried now, and what is replayed of its run goes after it. ``next`` says from where to replay
    what was too much at once, None where nothing is left.
    """

    shape: Literal[2] = SHAPE
    name: str
    replay: int
    events: int
    tried_first: int = 0
    next: str | None = None


class WebhookList(Shape):
    """The subscriptions of a tenant."""

    shape: Literal[2] = SHAPE
    webhooks: tuple[Webhook, ...]


class WebhookLog(Shape):
    """Deliveries of a subscription, the newest first; go on with ``before`` the last number."""

    shape: Literal[2] = SHAPE
    deliveries: tuple[WebhookDelivery, ...]


class NotificationList(Shape):
    """Notifications, the newest first."""

    shape: Literal[2] = SHAPE
    notifications: tuple[Notification, ...]


class PushOffer(Shape):
    """What a page needs to subscribe a browser: the key that it gives as `applicationServerKey`."""

    shape: Literal[2] = SHAPE
    public_key: str


class PushBrowser(Shape):
    """A browser that its person has subscribed; `service` is the host that pushes to it.

    ``last_ok_at`` is when its push service last took a message. What lets send to it is not shown.
    """

    shape: Literal[2] = SHAPE
    browser_id: str
    label: str
    service: str
    created_at: datetime
    last_ok_at: datetime | None


class PushBrowserList(Shape):
    """The browsers of a person."""

    shape: Literal[2] = SHAPE
    browsers: tuple[PushBrowser, ...]
