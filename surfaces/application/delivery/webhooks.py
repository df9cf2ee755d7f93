"""Webhooks: who gets what, what became of it, once more from a position, with another secret."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from runfold.events.definitions import SUBSCRIPTION, Definitions, Subscription
from runfold.events.definitions.delivery.subscription import SECRET_NAME
from runfold.infra.secrets.environment import variable_of
from runfold.processors.definitions.publisher import next_version
from runfold.processors.delivery.log import DeliveryLog, Row
from runfold.processors.delivery.rows import Key
from runfold.processors.delivery.webhooks.message import id_of
from runfold.surfaces.application import shapes
from runfold.surfaces.application.errors import InvalidError, NotFoundError

STATES = ("open", "delivered", "failed", "dropped")
"""What a delivery can be."""

NOTICE_STATES = ("open", "sending", "sent", "failed", "unknown", "dropped")
"""What a notification can be."""

_LONGEST = 253


def webhooks(
    known: Definitions, log: DeliveryLog, tenant: str | None, *, everybody: bool = False
) -> list[shapes.Webhook]:
    """Return the subscriptions of a tenant, or those for all tenants, or every one."""
    receivers = log.receivers(None if everybody else tenant or "")
    found: dict[Key, Subscription] = {}
    for each in known:
        if each.kind == SUBSCRIPTION and (everybody or each.tenant == tenant):
            made = known.resolve(SUBSCRIPTION, each.definition.name, None, each.tenant).published
            if made is not None and isinstance(made.definition, Subscription):
                found[Key(each.tenant or "", each.definition.name)] = made.definition
    return [_row(known, key, found[key], receivers.get(key, {})) for key in sorted(found)]


def webhook(known: Definitions, log: DeliveryLog, name: str, tenant: str | None) -> shapes.Webhook:
    """Return one; raises NotFoundError."""
    key, made = in_force(known, name, tenant)
    return _row(known, key, made, log.receivers(key.scope).get(key, {}))


def in_force(known: Definitions, name: str, tenant: str | None) -> tuple[Key, Subscription]:
    """Return a tenant's own subscription, also one that is switched off; raises NotFoundError."""
    found = known.resolve(SUBSCRIPTION, name, None, tenant).published
    if found is None or found.tenant != tenant or not isinstance(found.definition, Subscription):
        whose = "of all tenants" if tenant is None else f"of {tenant}"
        raise NotFoundError(
            f"There is no webhook {name} {whose}: `runfold webhooks list` shows which there are, "
            "and --tenant names whose one is meant."
        )
    return Key(tenant or "", name), found.definition


def deliveries(
    log: DeliveryLog,
    key: Key,
    most: int = 100,
    before: int | None = None,
    state: str | None = None,
    run_id: str | None = None,
) -> list[shapes.WebhookDelivery]:
    """Return what was to be delivered, the newest first, with each attempt."""
    if state is not None and state not in STATES:
        raise InvalidError(f"A delivery is one of {', '.join(STATES)}, not {state[:40]!r}.")
    if run_id is not None and not (run_id.isprintable() and len(run_id) <= _LONGEST):
        raise InvalidError("No run has such an id.")
    return [_delivery(key, row) for row in log.deliveries(key, most, before, state, run_id)]


def rotated(log: DeliveryLog, key: Key, made: Subscription, secret: str | None) -> dict[str, Any]:
    """Return the manifest of the next version: with a new secret before the newest one until now.

    Without a secret the older ones are left out: receivers know the newest by then. Raises
    InvalidError where that changes nothing, for a name that no secret of a webhook has, and where
    the newest is not there, so that nothing would be signed any more.
    """
    row = log.receivers(key.scope).get(key, {})
    missing = [each for each in made.secrets if each in row.get("missing_secrets", ())]
    if secret is None:
        if made.secrets[0] in missing:
            raise InvalidError(
                f"The process that delivers has no {made.secrets[0]} that can sign: set "
                f"{variable_of(made.secrets[0])} there, and finish half a minute later. Until "
                "then the other secrets sign."
            )
        if len(made.secrets) == 1:
            raise InvalidError(f"{made.name} has one secret: name the next one with --to.")
        return manifest_of(made, secrets=list(made.secrets[:1]))
    if not SECRET_NAME.fullmatch(secret):
        raise InvalidError("The name of a webhook's secret begins with webhook, as in webhook-2.")
    if secret in made.secrets:
        raise InvalidError(f"{made.name} is signed with {secret} already.")
    usable = next((each for each in made.secrets if each not in missing), made.secrets[0])
    return manifest_of(made, secrets=[secret, usable])


def manifest_of(made: Subscription, **changed: object) -> dict[str, Any]:
    """Return a subscription's manifest as its next version, with changes in its spec."""
    spec = made.model_dump(mode="json", exclude={"name", "version", "description"}) | changed
    return manifest(made.name, next_version(made.version), made.description, spec)


def manifest(
    name: str, version: str, description: str, spec: Mapping[str, object]
) -> dict[str, Any]:
    """Return the manifest of a subscription."""
    metadata = {"name": name, "version": version}
    return {
        "apiVersion": "runfold/v1",
        "kind": "Subscription",
        "metadata": metadata | ({"description": description} if description else {}),
        "spec": dict(spec),
    }


def notifications(
    log: DeliveryLog, tenant: str | None, state: str | None, most: int, *, everybody: bool = False
) -> list[shapes.Notification]:
    """Return notifications of a tenant's own subscribers, the newest first."""
    if state is not None and state not in NOTICE_STATES:
        known = ", ".join(NOTICE_STATES)
        raise InvalidError(f"A notification is one of {known}, not {state[:40]!r}.")
    scope = None if everybody else tenant or ""
    fields = set(shapes.Notification.model_fields) - {"shape"}
    return [
        shapes.Notification(**{name: value for name, value in row.items() if name in fields})
        for row in log.notifications(scope, state, most)
    ]


def _row(
    known: Definitions, key: Key, made: Subscription, row: Mapping[str, Any]
) -> shapes.Webhook:
    stopped = known.stopped(SUBSCRIPTION, key.name, key.scope or None)
    failing: datetime | None = row.get("failing_since")
    on = "failing" if failing is not None else "on"
    return shapes.Webhook(
        name=key.name,
        version=made.version,
        tenant=key.scope or None,
        state="off" if stopped is not None else on,
        reason=stopped.reason if stopped is not None else "",
        url=made.url,
        events=made.events,
        filter=made.filter.model_dump(mode="json"),
        contents=made.contents,
        secrets=made.secrets,
        failing_since=failing,
        last_ok_at=row.get("last_ok_at"),
        open=row.get("open", 0),
        failed=row.get("failed", 0),
        missing_secrets=tuple(
            each for each in made.secrets if each in row.get("missing_secrets", ())
        ),
        replayed=row.get("replayed", 0),
        oldest_open_at=row.get("oldest_open_at"),
        next_attempt_at=row.get("next_attempt_at"),
    )


def _delivery(key: Key, row: Row) -> shapes.WebhookDelivery:
    attempts = [shapes.WebhookAttempt(**each) for each in row["earlier"]]
    if row["attempted_at"] is not None and len(attempts) < row["attempts"]:
        last = {name: row[name] for name in ("attempted_at", "code", "error", "took_ms")}
        attempts.append(shapes.WebhookAttempt(attempt=row["attempts"], **last))
    named = ("number", "run_id", "seq", "type", "occurred_at", "tenant_id", "replay", "state")
    return shapes.WebhookDelivery(
        webhook_id=id_of(key, row["run_id"], row["seq"]),
        due_at=row["due_at"] if row["state"] == "open" else None,
        attempts=tuple(attempts),
        waits_for=row["waits_for"],
        **{name: row[name] for name in named},
    )
