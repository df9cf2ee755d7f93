"""What the process that delivers reads beside the shared settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

from runfold.events.topics import EVENTS
from runfold.infra.settings.config import Config, ConfigError
from runfold.infra.settings.declared import delivery as said
from runfold.infra.settings.declared import variables
from runfold.processors.delivery.notifications.mail import MailServer
from runfold.processors.delivery.push.settings import PushSettings
from runfold.processors.delivery.upkeep.pruning import Keep
from runfold.processors.delivery.webhooks.schedule import PAUSES_S
from runfold.producers.log.membership import Membership
from runfold.producers.log.ownership.fixed import FixedOwnership
from runfold.producers.log.ownership.group import GroupOwnership
from runfold.producers.log.ownership.port import Ownership
from runfold.producers.log.topics.partitions import deployed_partitions

_GROUP = "runfold-delivery-owners"


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """``pauses`` are seconds between attempts, ``failing`` is how long a receiver may fail."""

    config: Config = field(repr=False)
    database_url: str = field(repr=False)
    by_group: bool
    membership: Membership
    pauses: tuple[float, ...] = PAUSES_S
    failing: timedelta = timedelta(hours=120)
    keep: Keep = field(default_factory=Keep)
    links: str = ""
    mail: MailServer | None = field(default=None, repr=False)
    push: PushSettings = field(default_factory=PushSettings)

    @classmethod
    def read(cls, config: Config, env: Mapping[str, str] | None = None) -> Self:
        """Read the environment; ConfigError says what to set."""
        links = said.PUBLIC_URL.read(env).rstrip("/")
        return cls(
            config=config,
            database_url=config.need_database(),
            by_group=variables.OWNERSHIP.read(env) == "group",
            membership=Membership(_GROUP, EVENTS, config.group_protocol),
            pauses=said.WEBHOOK_PAUSES.read(env) or PAUSES_S,
            failing=timedelta(hours=said.WEBHOOK_FAILING.read(env)),
            keep=Keep(
                timedelta(days=said.DELIVERY_KEEP_DAYS.read(env)),
                said.DELIVERY_KEEP_ROWS.read(env),
            ),
            links=links,
            mail=_mail(env),
            push=PushSettings(said.PUSH_KEY_NAME.read(env), said.PUSH_CONTACT.read(env), links),
        )

    @property
    def again_s(self) -> float | None:
        """After how many seconds partitions are taken back that are still this process's own."""
        return self.membership.session_timeout_ms / 1000 if self.by_group else None

    def ownership(self) -> Ownership:
        """Return who says which partitions are this process's; raises ConfigError."""
        if self.by_group:
            return GroupOwnership(self.config.kafka, self.membership)
        return FixedOwnership(tuple(range(deployed_partitions(self.config, EVENTS))))


def _mail(env: Mapping[str, str] | None) -> MailServer | None:
    url = said.SMTP_URL.read(env)
    if not url:
        return None
    try:
        return MailServer.of(url, said.SMTP_FROM.read(env))
    except ValueError:
        # Not chained: a traceback would quote the address, which holds a password.
        raise ConfigError(
            f"{said.SMTP_URL.name} must be smtp://host:port or smtps://host:port, with or without "
            "user:password@ before the host."
        ) from None
