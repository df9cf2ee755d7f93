"""What a gateway stands on in a process of its own: Kafka, Postgres, and the keys."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.errors import KeysUnavailableError
from runfold.infra.artifacts.files import FileArtifacts
from runfold.infra.artifacts.sealed import SealedArtifacts
from runfold.infra.credentials.bearer.verifying import Verifier
from runfold.infra.credentials.signing import signer_of
from runfold.infra.database.connection import Session, engine
from runfold.infra.documents import Remark
from runfold.infra.gateway.api_key import ANY_SCOPE
from runfold.infra.gateway.key_store import KeyStore
from runfold.infra.gateway.postgres import PostgresAskedStore, PostgresKeyStore, Sessions
from runfold.infra.gateway.postgres_pushed import PostgresPushStore
from runfold.infra.process.runner import Process
from runfold.infra.secrets.chosen import every_secret
from runfold.infra.settings.declared import variables
from runfold.infra.settings.declared.isolation import TOKEN
from runfold.processors.definitions.publisher import Report
from runfold.processors.definitions.sealing import serving_codec
from runfold.producers.client import Hubs
from runfold.producers.errors import LogError
from runfold.producers.log.kafka import Publisher, TopicReader
from runfold.producers.log.port import LogWriter
from runfold.producers.schema_registry.chosen import registry_of
from runfold.surfaces.application.governing.api_keys import (
    ApiKeys,
    KeyWish,
    hash_key_in,
    write_once,
)
from runfold.surfaces.application.governing.doorkeeper import Doorkeeper
from runfold.surfaces.application.governing.publish import publish_manifests
from runfold.surfaces.application.runs.asking.once import Once
from runfold.surfaces.channels.known import KnownDefinitions
from runfold.surfaces.http.access.identity import LOOPBACK, OPERATOR
from runfold.surfaces.http.access.letting_in import Door
from runfold.surfaces.http.access.limits import Use
from runfold.surfaces.http.channels.wiring import Channels
from runfold.surfaces.http.gateway import Gateway, Publish, PushOffered
from runfold.surfaces.http.settings import DEVELOPMENT_KEY, FOLDER, GatewaySettings

_log = logging.getLogger("runfold.gateway")

_LOOK_S = 2


@dataclass(frozen=True, slots=True)
class Made:
    """A gateway, and what to close when it ends."""

    gateway: Gateway
    asked: PostgresAskedStore
    codec: Codec
    pushed: PostgresPushStore
    closing: tuple[Callable[[], None], ...]

    def close(self) -> None:
        """Let what is on its way arrive, and close connections."""
        for close in self.closing:
            close()


def make(process: Process, settings: GatewaySettings, *, development: bool) -> Made:
    """Return a gateway on the servers that the settings name."""
    config = process.config
    url = config.need_database()
    kafka = dict(config.kafka)
    codec = serving_codec(registry_of(config.schema_registry_url), lambda: kafka)
    threading.Thread(target=_know_what_is_sealed, args=(codec,), daemon=True).start()
    signer = signer_of(token=process.taken.values.get(TOKEN.name))
    writer = Publisher(kafka, codec, "runfold/http", signer=signer)
    reader = TopicReader(kafka, codec)
    hubs = Hubs(reader)
    sessions = Sessions(url)
    keys, asked = PostgresKeyStore(sessions), PostgresAskedStore(sessions)
    hash_key = hash_key_in(settings.hash_key)
    if development:
        make_development_key(settings.home / FOLDER / DEVELOPMENT_KEY, keys, hash_key)
    else:
        # The tables are made, or what is wrong with them is said, before anybody asks.
        keys.all("")
    use, views = Use(settings.limits), engine(url)
    gateway = Gateway(
        writer=writer,
        reader=reader,
        hubs=hubs,
        connect=views.connect,
        door=Door(
            Doorkeeper(keys, hash_key),
            use.back_off,
            tokens=Verifier(settings.issuers) if settings.issuers else None,
            proxies=settings.proxies,
        ),
        once=Once(asked, settings.kept),
        use=use,
        ready=lambda: why_not_ready(reader, url),
        needs_idempotency=settings.needs_idempotency,
        reads=settings.reads,
        reads_to=lambda: url,
        publish=_publisher(kafka, codec, writer),
        artifacts=SealedArtifacts(FileArtifacts(settings.home / "artifacts"), codec.sealing),
        channels=Channels(
            settings.channels,
            every_secret(process.taken.values, variables.SECRETS_FOLDER.read()),
        ),
        definitions=KnownDefinitions(reader).now,
        push=PushOffered(settings.push_key, settings.outgoing),
    )
    closing = (hubs.close, writer.close, sessions.close, views.dispose)
    return Made(gateway, asked, codec, PostgresPushStore(sessions), closing)


def _know_what_is_sealed(codec: Codec) -> None:
    """Read which tenants are sealed before the first request: it would wait for it."""
    with suppress(KeysUnavailableError):
        _ = codec.sealing is not None and codec.sealing.keys.any


def _publisher(kafka: Mapping[str, str], codec: Codec, log: LogWriter) -> Publish:
    def publish(
        folder: Path, user: str, roles: tuple[str, ...], tenant: str, accept_remarks: bool
    ) -> tuple[Report, tuple[Remark, ...]]:
        return publish_manifests(
            [folder],
            kafka=kafka,
            codec=codec,
            log=log,
            # Whoever publishes from elsewhere learns nothing of this process's environment.
            env={},
            by=user,
            roles=roles,
            tenant=tenant,
            accept_remarks=accept_remarks,
        )

    return publish


def make_development_key(file: Path, store: KeyStore, hash_key: bytes) -> None:
    """Make the key of this machine, where there is none that lets in."""
    if file.exists():
        if Doorkeeper(store, hash_key).let_in(file.read_text().strip(), datetime.now(UTC)):
            return
        # Of another database, or revoked.
        file.unlink()
    wish = KeyWish("development", "default", "me", (), (ANY_SCOPE, OPERATOR, LOOPBACK), valid="")
    made, _ = ApiKeys(store, hash_key).create(wish, datetime.now(UTC))
    write_once(file, f"{made}\n".encode())
    _log.info("a development key was made", extra={"file": str(file)})


def why_not_ready(reader: TopicReader, url: str) -> str:
    """Return why no request could be served now, empty where they can be."""
    try:
        reader.ends(topics.REQUESTS)
    except LogError as error:
        return str(error)
    try:
        Session.to(url, _LOOK_S).close()
    except psycopg.Error:
        return "Postgres does not answer: check DATABASE_URL and that it runs."
    return ""
