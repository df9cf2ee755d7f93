"""Which subscriptions and subscribers an event is for, as the definitions say it now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from runfold.events.base import ContentTrait
from runfold.events.contents.content import Content
from runfold.events.definitions import (
    SUBSCRIBER,
    SUBSCRIPTION,
    Definition,
    Definitions,
    Subscriber,
    Subscription,
)
from runfold.events.run import Event
from runfold.processors.delivery.rows import Key, Wanted

D = TypeVar("D", bound=Definition)


@dataclass(frozen=True, slots=True)
class Target(Generic[D]):
    """A definition in force, whose it is, and since when its name is published."""

    key: Key
    definition: D
    since: datetime | None


class Matcher:
    """Answers for one position of the definitions; what it found is remembered."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self._since: dict[tuple[str, str | None, str], datetime | None] = {}
        for each in definitions:
            if each.kind in {SUBSCRIPTION, SUBSCRIBER}:
                name = each.kind, each.tenant, each.definition.name
                at = each.published_at
                known = self._since.get(name)
                self._since[name] = min(known, at) if known and at else at
        self._subscriptions: dict[str, tuple[Target[Subscription], ...]] = {}
        self._subscribers: dict[str, tuple[Target[Subscriber], ...]] = {}
        self._wanted: dict[str, bool] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nobody is told of anything."""
        return not self._since

    def wants(self, kind: str) -> bool:
        """Whether any subscription of any tenant is about events of a type."""
        found = self._wanted.get(kind)
        if found is None:
            found = self._wanted[kind] = any(
                each.definition.takes(kind)
                for each in self.definitions
                if isinstance(each.definition, Subscription)
            )
        return found

    def subscriptions(self, tenant: str) -> tuple[Target[Subscription], ...]:
        """Return the subscriptions that get events of a tenant: its own, and shared ones."""
        found = self._subscriptions.get(tenant)
        if found is None:
            found = self._in_force(SUBSCRIPTION, tenant, Subscription)
            self._subscriptions[tenant] = found
        return found

    def subscribers(self, tenant: str) -> tuple[Target[Subscriber], ...]:
        """Return the subscribers that hear of a tenant's runs: its own, and shared ones."""
        found = self._subscribers.get(tenant)
        if found is None:
            found = self._subscribers[tenant] = self._in_force(SUBSCRIBER, tenant, Subscriber)
        return found

    def shared_subscribers(self) -> tuple[Target[Subscriber], ...]:
        """Return those of all tenants: the operator's own people."""
        return tuple(each for each in self.subscribers("") if not each.key.scope)

    def subscription(self, key: Key) -> Subscription | None:
        """Return a subscription in force, None where it was retired, or is switched off."""
        return self._one(SUBSCRIPTION, key, Subscription)

    def every_subscription(self) -> list[tuple[Key, Subscription]]:
        """Return every subscription in force, of all tenants."""
        keys = {
            Key(each.tenant or "", each.definition.name)
            for each in self.definitions
            if each.kind == SUBSCRIPTION
        }
        found = ((key, self.subscription(key)) for key in sorted(keys))
        return [(key, made) for key, made in found if made is not None]

    def subscriber(self, key: Key) -> Subscriber | None:
        """Return a subscriber in force, None where it was retired, or is switched off."""
        return self._one(SUBSCRIBER, key, Subscriber)

    def _in_force(self, kind: str, tenant: str, of: type[D]) -> tuple[Target[D], ...]:
        names = sorted({n for k, scope, n in self._since if k == kind and scope in {None, tenant}})
        found = []
        for name in names:
            published = self.definitions.resolve(kind, name, None, tenant).published
            if published is None or not isinstance(published.definition, of):
                continue
            key = Key(published.tenant or "", name)
            if self.definitions.stopped(kind, name, tenant) is None:
                since = self._since.get((kind, published.tenant, name))
                found.append(Target(key, published.definition, since))
        return tuple(found)

    def _one(self, kind: str, key: Key, of: type[D]) -> D | None:
        tenant = key.scope or None
        published = self.definitions.resolve(kind, key.name, None, tenant).published
        if published is None or published.tenant != tenant:
            return None
        stopped = self.definitions.stopped(kind, key.name, tenant)
        found = published.definition
        return found if stopped is None and isinstance(found, of) else None


def matches(target: Target[Subscription], event: Event) -> bool:
    """Whether a subscription gets an event: of its types, after its publication, by its filter."""
    made, meta = target.definition, event.meta
    if target.since is not None and meta.time < target.since:
        return False
    if not made.takes(event.type):
        return False
    asked = made.filter
    if asked.statuses and meta.status.value not in asked.statuses:
        return False
    if asked.actors and meta.actor.kind.value not in asked.actors:
        return False
    return all(_plain(event.fact, name) in values for name, values in asked.fields.items())


def wanted_as(key: Key, event: Event, partition: int, offset: int) -> Wanted:
    """Return an event as a subscription is to get it."""
    meta = event.meta
    return Wanted(
        *key,
        run_id=meta.run_id,
        seq=meta.seq,
        tenant_id=meta.tenant_id,
        partition=partition,
        journal_offset=offset,
        type=event.type,
        status=meta.status.value,
        occurred_at=meta.time,
    )


def _plain(fact: Any, name: str) -> object:
    """Return a field that may be compared: contents, and what a model or a person said, never."""
    field = type(fact).model_fields.get(name)
    if field is None or any(isinstance(each, ContentTrait) for each in field.metadata):
        return None
    value = getattr(fact, name)
    if isinstance(value, Content):
        return None
    return value if isinstance(value, str | int | bool) else None
