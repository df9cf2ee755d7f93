"""What commands stand on, made when first asked for, so that ``--help`` is quick."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from runfold.events.avro.codec import Codec
    from runfold.infra.credentials.signing import Signer
    from runfold.producers.client import Hubs, RunClient
    from runfold.producers.log.port import LogReader, LogWriter
    from runfold.projections.queries import Views
    from runfold.stack.settings import Settings
    from runfold.surfaces.application.reads import ReadRecord
    from runfold.surfaces.application.runs.runs import Runs
    from runfold.surfaces.application.scope import Scope
    from runfold.surfaces.audit.parallel import Source


class Context:
    """Settings, codec, log and views; tests put their own in place by assignment."""

    @cached_property
    def settings(self) -> Settings:
        """What the environment says."""
        from runfold.stack.settings import Settings

        return Settings.from_env()

    @cached_property
    def attached(self) -> Settings:
        """The settings with the addresses of what runs; raises StackError where nothing does."""
        from runfold.stack import attaching

        return attaching.attach(self.settings)

    @cached_property
    def log_settings(self) -> Settings:
        """The settings with an address of Kafka: a command that reads no table needs no more."""
        from runfold.stack import attaching

        known: Settings | None = self.__dict__.get("attached")
        return known or attaching.attach_log(self.settings)

    @cached_property
    def codec(self) -> Codec:
        """The codec, with ids from the registry that is configured."""
        from runfold.processors.definitions.sealing import reading_codec
        from runfold.producers.schema_registry.chosen import registry_of

        registry = registry_of(self.settings.schema_registry_url)
        return reading_codec(registry, self._kafka)

    def _kafka(self) -> Mapping[str, str | int | float]:
        """Return the settings of Kafka, once something asks for them."""
        return self.log_settings.kafka_config()

    @cached_property
    def reader(self) -> LogReader:
        """Reads the log."""
        from runfold.producers.log.kafka import TopicReader

        return TopicReader(self.log_settings.kafka_config(), self.codec)

    @cached_property
    def judge(self) -> LogReader:
        """Reads the log for an audit: what is sealed and cannot be opened says so."""
        from runfold.processors.definitions.sealing import judging_codec
        from runfold.producers.log.kafka import TopicReader
        from runfold.producers.schema_registry.chosen import registry_of

        kafka = self.log_settings.kafka_config()
        registry = registry_of(self.settings.schema_registry_url)
        return TopicReader(kafka, judging_codec(registry, lambda: kafka))

    @cached_property
    def source(self) -> Source | None:
        """How other processes of this command reach the log."""
        from runfold.surfaces.audit.parallel import Source

        return Source(self.log_settings.kafka_config(), self.settings.schema_registry_url)

    @cached_property
    def writer(self) -> LogWriter:
        """Writes to the log."""
        from runfold.producers.log.kafka import Publisher

        self._need_one_deployment()
        producer = self.log_settings.producer_config()
        return Publisher(producer, self.codec, "runfold/cli", signer=self.signer)

    @cached_property
    def signer(self) -> Signer | None:
        """What signs requests and controls, where there is a token."""
        from runfold.infra.credentials.signing import signer_of

        return signer_of()

    @cached_property
    def engine(self) -> Engine:
        """The database that holds the views."""
        from runfold.projections import schema

        return schema.engine(self.attached.database_url)

    @cached_property
    def hubs(self) -> Hubs:
        """What follows runs: one reader of the journal for the whole command."""
        from runfold.producers.client import Hubs

        return Hubs(self.reader)

    @cached_property
    def reads(self) -> ReadRecord:
        """Where reads are put on record, if they are."""
        from runfold.infra.settings.declared import isolation
        from runfold.surfaces.application.reads import ReadRecord

        claims = self.signer.token.claims if self.signer else None
        return ReadRecord(
            isolation.READS.read(),
            lambda: self.attached.database_url,
            claims,
            isolation.PURPOSE.read(),
        )

    def reads_now(self, what: str, tenant: str | None, run_id: str = "") -> None:
        """Put a read on record before it is made, where this deployment asks for it."""
        from runfold.infra.settings.declared import isolation

        if "reads" in self.__dict__ or isolation.READS.read() != "off":
            self.reads.note(what, tenant, run_id, lambda line: typer.echo(line, err=True))

    @property
    def begins_within(self) -> float:
        """How many seconds a run that was just requested may take to its first event."""
        return 15.0

    @property
    def warns_within(self) -> float:
        """How many seconds a request is watched for what it is accepted with."""
        return 3.0

    @property
    def acts_within(self) -> float:
        """How many seconds the effect of a control is waited for."""
        return 15.0

    def client(self, tenant: str, user: str, roles: tuple[str, ...] = ()) -> RunClient:
        """Return a client in the name of a tenant's user, whose controls come with roles."""
        from runfold.producers.client import RunClient

        return RunClient(self.writer, self.reader, tenant, user, self.hubs, roles=roles)

    def runs(self, tenant: str | None, user: str = "me", roles: tuple[str, ...] = ()) -> Runs:
        """Return the runs of a tenant, or, without one, those of all: this machine's operator."""
        from runfold.surfaces.application.runs.runs import Runs

        client = self.client(tenant or "default", user, roles)
        return Runs(client, self.scope(tenant), self.acts_within)

    def scope(self, tenant: str | None) -> Scope:
        """Return what a command may see: a tenant's part where it names one, or everything."""
        from runfold.surfaces.application.scope import OperatorScope, TenantScope

        return TenantScope(tenant) if tenant else OperatorScope("the command line")

    @contextmanager
    def views(self, tenant: str | None) -> Iterator[Views]:
        """Yield the views, as a command for this tenant, or without one the operator, sees them."""
        with self.engine.connect() as connection:
            yield self.scope(tenant).views(connection)

    def _need_one_deployment(self) -> None:
        """See that what is written belongs to the views that are shown, where both are named."""
        settings = self.settings
        # What cannot be seen is no reason to refuse a command.
        if settings.bootstrap_servers:
            from runfold.infra.deployment import journal

            journal.need_topics(settings.kafka_config(), lambda _: None)
        if settings.bootstrap_servers and settings.database_url:
            from runfold.infra.deployment import binding

            binding.need(settings.kafka_config(), settings.database_url, lambda _: None)

    def close(self) -> None:
        """Stop what follows runs and close connections to the database; they are made again."""
        database: Engine | None = self.__dict__.get("engine")
        if database is not None:
            database.dispose()
        hubs: Hubs | None = self.__dict__.pop("hubs", None)
        if hubs is not None:
            hubs.close()


def of(ctx: typer.Context) -> Context:
    """Return the context of this invocation."""
    found: Context = ctx.ensure_object(Context)
    return found


def kafka_of(context: Context) -> Mapping[str, str]:
    """Return what every Kafka client begins with, as texts."""
    return {name: str(value) for name, value in context.log_settings.kafka_config().items()}
