"""Where a client connects to: what is given, else the environment, else the stack of this home."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from runfold.infra.credentials.signing import Signer, granted_roles, named, signer_of
from runfold.infra.deployment import journal
from runfold.infra.deployment.naming import EXPECTS, checked
from runfold.infra.settings.errors import ConfigError
from runfold.processors.definitions.sealing import reading_codec
from runfold.producers.log.kafka import Publisher, TopicReader
from runfold.producers.schema_registry.chosen import registry_of
from runfold.stack.control import attach_log
from runfold.stack.settings import Settings
from runfold.surfaces.application.errors import InvalidError


@dataclass(frozen=True, slots=True)
class Connection:
    """A writer and a reader of one Kafka."""

    writer: Publisher
    reader: TopicReader
    signer: Signer | None = None


def connection(
    bootstrap_servers: str | None,
    schema_registry_url: str | None,
    deployment: str | None = None,
    token: str | None = None,
) -> Connection:
    """Return a connection.

    Raises StackError where no Kafka is named and no stack runs here, and InvalidError for a
    deployment's name that cannot be one, and for a token that is none.
    """
    signer = _signer(token)
    settings = Settings.from_env()
    if schema_registry_url is not None:
        settings = replace(settings, schema_registry_url=schema_registry_url)
    if deployment is not None:
        settings = replace(settings, deployment=_checked(deployment))
    if bootstrap_servers is not None:
        settings = replace(settings, bootstrap_servers=bootstrap_servers)
    elif not settings.bootstrap_servers:
        settings = attach_log(settings)
    if settings.deployment:
        # A name that nobody has would be taken for topics that are not there yet.
        journal.need_topics(settings.kafka_config(), lambda _: None)
    registry = registry_of(settings.schema_registry_url)
    codec = reading_codec(registry, settings.kafka_config)
    writer = Publisher(settings.producer_config(), codec, "runfold/client", signer=signer)
    return Connection(writer, TopicReader(settings.kafka_config(), codec), signer)


class Speaker(NamedTuple):
    """In whose name a client speaks, and with which roles."""

    tenant: str
    user: str
    roles: tuple[str, ...]


def speaks_for(
    made: Connection, tenant_id: str | None, user_id: str | None, roles: Sequence[str] | None
) -> Speaker:
    """Return in whose name a client speaks: as it is told, else as its token says."""
    claims = made.signer.token.claims if made.signer else None
    tenant, user = (claims.tenant, claims.user) if claims else (None, None)
    return Speaker(
        named(tenant_id, tenant, "default"),
        named(user_id, user, "me"),
        granted_roles(made.signer) if roles is None else tuple(roles),
    )


def _signer(token: str | None) -> Signer | None:
    try:
        return signer_of(token=token)
    except ConfigError as error:
        raise InvalidError(str(error)) from None


def _checked(deployment: str) -> str:
    try:
        return checked(deployment) if deployment else ""
    except ValueError:
        raise InvalidError(f"deployment must be {EXPECTS}, not {deployment!r}.") from None
