"""What commands stand on, made when first asked for, so that ``--help`` is quick."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from runfold.events.avro.codec import Codec
    from runfold.producers.client import RunClient
    from runfold.producers.log.port import LogReader, LogWriter
    from runfold.stack.settings import Settings


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
        from runfold.stack import control

        return control.attach(self.settings)

    @cached_property
    def codec(self) -> Codec:
        """The codec, with ids from the registry that is configured."""
        from runfold.events.avro.codec import Codec
        from runfold.producers.schema_registry.chosen import registry_of

        return Codec(registry_of(self.settings.schema_registry_url))

    @cached_property
    def reader(self) -> LogReader:
        """Reads the log."""
        from runfold.producers.log.kafka import TopicReader

        return TopicReader(self.attached.kafka_config(), self.codec)

    @cached_property
    def writer(self) -> LogWriter:
        """Writes to the log."""
        from runfold.producers.log.kafka import Publisher

        return Publisher(self.attached.producer_config(), self.codec, "runfold/cli")

    @cached_property
    def engine(self) -> Engine:
        """The database that holds the views."""
        from runfold.projections import schema

        return schema.engine(self.attached.database_url)

    def client(self, tenant: str, user: str) -> RunClient:
        """Return a client in the name of a tenant's user."""
        from runfold.producers.client import RunClient

        return RunClient(self.writer, self.reader, tenant, user)


def of(ctx: typer.Context) -> Context:
    """Return the context of this invocation."""
    found: Context = ctx.ensure_object(Context)
    return found


def kafka_of(context: Context) -> Mapping[str, str]:
    """Return what every Kafka client begins with, as texts."""
    return {name: str(value) for name, value in context.attached.kafka_config().items()}
