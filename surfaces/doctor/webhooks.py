"""Webhooks and notifications: receivers that fail, secrets that are missing, what is not sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import Connection

from runfold.events.definitions import SUBSCRIBER
from runfold.events.topics import EVENTS, TENANT_EVENTS
from runfold.infra.database.connection import Session
from runfold.infra.secrets.environment import variable_of
from runfold.processors.delivery.log import DeliveryLog
from runfold.processors.delivery.rows import Key
from runfold.surfaces.application.delivery.webhooks import webhooks
from runfold.surfaces.application.governing.definitions import read_definitions
from runfold.surfaces.application.shapes import Webhook
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Finding, ok, span, warning, wrong
from runfold.surfaces.doctor.places import waiting

_NAME = "webhooks"
_SHOWN = 10


def check(deployment: Deployment) -> Iterator[Finding]:
    """Find what receivers and subscribers do not get; nothing where nobody is to get anything."""
    known = read_definitions(deployment.reader)
    with deployment.engine.connect() as connection:
        log = _log(connection)
        shown = webhooks(known, log, None, everybody=True)
        people = any(each.kind == SUBSCRIBER for each in known)
        if not shown and not people:
            yield ok(_NAME, "nobody subscribes to anything")
            return
        findings = [
            *_unread(deployment, log),
            *_receivers(deployment, log, shown),
            *_notifications(deployment, log),
        ]
    yield from findings
    if not findings:
        count = len(shown)
        yield ok(_NAME, f"{count} subscriptions, and none of their receivers fails")


def _unread(deployment: Deployment, log: DeliveryLog) -> Iterator[Finding]:
    """Find parts of the journal that no process that delivers has read."""
    taken = log.taken()
    if not taken:
        yield wrong(
            _NAME,
            "no process that delivers has ever run here: nothing is sent",
            "start one: `runfold up`, or python -m runfold.processors.delivery; it sends what "
            "happens from then on, and `runfold webhooks replay NAME --from MOMENT` the rest",
        )
        return
    those = {place: at for place, at in taken.items() if place[0] in {EVENTS, TENANT_EVENTS}}
    late = [
        each
        for each in waiting(deployment, those)
        if deployment.age(each.since) > deployment.limits.delivery_lags_s
    ]
    for each in late[:_SHOWN]:
        topic, partition = each.place
        yield wrong(
            _NAME,
            f"delivery has not read {topic}/{partition} from offset {each.offset} on, for "
            f"{span(deployment.age(each.since))}",
            "see that a process that delivers runs (`runfold status`) and what its log says",
        )


def _receivers(deployment: Deployment, log: DeliveryLog, shown: list[Webhook]) -> Iterator[Finding]:
    disabled = log.disabled()
    for each in shown:
        whose = f" --tenant {each.tenant}" if each.tenant else ""
        name = f"{each.name} of {each.tenant or 'all tenants'}"
        for secret in each.missing_secrets:
            yield wrong(
                _NAME,
                f"{name} names the secret {secret}, which the process that delivers cannot use",
                f"set {variable_of(secret)} there, or `runfold webhooks rotate {each.name}{whose} "
                "--to SECRET`",
            )
        since = disabled.get(Key(each.tenant or "", each.name))
        if each.state == "off" and since is not None:
            yield warning(
                _NAME,
                f"{name} was switched off: {each.reason}",
                f"mend its receiver, `runfold switch on subscription/{each.name}{whose}`, then "
                f"`runfold webhooks replay {each.name}{whose} --from {since:%Y-%m-%dT%H:%MZ}`",
            )
        yield from _late(deployment, each, name, f"{each.name}{whose}")


def _late(deployment: Deployment, each: Webhook, name: str, said: str) -> Iterator[Finding]:
    """Find a receiver that fails, or one for which something is open for long."""
    log = f"`runfold webhooks log {said} --state open` says"
    if each.state == "failing" and each.failing_since is not None:
        yield warning(
            _NAME,
            f"the receiver of {name} fails since {span(deployment.age(each.failing_since))}; "
            f"{each.open} deliveries are open",
            f"{log} how it answers",
        )
    elif each.state == "on" and _is_late(deployment, each):
        assert each.oldest_open_at is not None
        yield warning(
            _NAME,
            f"{each.open} deliveries for {name} are open, the oldest for an event of "
            f"{span(deployment.age(each.oldest_open_at))} ago",
            f"{log} what they wait for",
        )


def _is_late(deployment: Deployment, each: Webhook) -> bool:
    limit = deployment.limits.delivery_waits_s
    return each.oldest_open_at is not None and deployment.age(each.oldest_open_at) > limit


def _notifications(deployment: Deployment, log: DeliveryLog) -> Iterator[Finding]:
    """Find notifications of the last day that failed, or may have."""
    since = deployment.now() - timedelta(seconds=deployment.limits.letters_since_s)
    for state, count, newest in log.unsent(since):
        what = "did not arrive" if state == "failed" else "may not have arrived"
        yield warning(
            _NAME,
            f"{count} notifications of the last day {what}; the newest: {newest}",
            f"`runfold notifications --state {state}` lists them; tell these people otherwise",
        )


def _log(connection: Connection) -> DeliveryLog:
    driver = connection.connection.driver_connection
    assert isinstance(driver, Session)
    return DeliveryLog.over(driver)
