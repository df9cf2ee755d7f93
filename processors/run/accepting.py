"""``--accept-lost-journal``: going on with what is left of the journals of runs and of tenants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.headers import headers
from runfold.events.run import Event, RunSettled
from runfold.events.tenant import AdmissionAsked, ExtensionAsked, RunReturned
from runfold.processors.engine.aggregate import S
from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.core.messages import Message
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.kafka.restoring.lost_journal import Accepted, accept_lost_journal
from runfold.processors.engine.kafka.restoring.partition_reader import PartitionReader
from runfold.processors.engine.kafka.restoring.restore import Restore
from runfold.processors.engine.ports import DefinitionStore
from runfold.processors.engine.spec import AggregateSpec
from runfold.processors.run.aggregate import RUNS
from runfold.processors.run.lifecycle.lost_books import (
    asked_again,
    numbers_of_runs,
    numbers_of_tenants,
    returned_again,
)
from runfold.processors.run.lifecycle.queueing import returned_to_tenant
from runfold.processors.run.state import RunState
from runfold.processors.tenant.aggregate import TENANTS
from runfold.processors.tenant.state import Tenant
from runfold.producers.log.partitioner import partition_for

_SETTLED = RunSettled.__name__


class Accepting(NamedTuple):
    """Where the journals are, and how they are read: ``codec`` that of runs, ``books`` of tenants.

    ``believed`` returns the runs that live as the views have it.
    """

    config: EngineConfig
    codec: Codec
    books: Codec
    definitions: DefinitionStore
    believed: Callable[[], list[str]]

    def all(self) -> list[Accepted]:
        """Accept what is lost, on record; return it. No run processor may be at work.

        Runs first: what tenants are told again is what the journal of runs says from now on.
        """
        return [*self._runs(), *self._tenants()]

    def _runs(self) -> list[Accepted]:
        live, count = self.believed(), self.config.partitions

        def numbered(partition: int, state: PartitionState[RunState]) -> list[Message]:
            tenants, runs = self._lanes(TENANTS, self.books), self._lanes(RUNS, self.codec)
            numbers_of_runs(partition, state.progress, tenants, runs)
            return []

        return accept_lost_journal(
            self.config,
            RUNS,
            self.codec,
            self.definitions,
            range(count),
            lambda n: {run for run in live if partition_for(run.encode(), count) == n},
            numbered,
        )

    def _tenants(self) -> list[Accepted]:
        def told_again(partition: int, state: PartitionState[Tenant]) -> list[Message]:
            runs = self._lanes(RUNS, self.codec)
            numbers_of_tenants(partition, state.progress, runs)
            back = returned_again(state, runs, {each.run_id: each for each in self._settled()})
            return list(self._messages(partition, [*back, *asked_again(runs)]))

        return accept_lost_journal(
            self.config,
            TENANTS,
            self.books,
            self.definitions,
            range(self.config.partitions),
            also=told_again,
        )

    def _lanes(self, spec: AggregateSpec[S], codec: Codec) -> dict[int, PartitionState[S]]:
        """Return what every lane of a kind knows, whatever its journal has lost."""
        return {
            number: Restore(
                self.config, spec, codec, number, lambda: None, accept_lost=True
            ).partition_state()
            for number in range(self.config.partitions)
        }

    def _settled(self) -> Iterator[RunReturned]:
        """Yield what ended runs told their tenants, as the journal of runs has it."""
        reader = PartitionReader(self.config, lambda: None)
        try:
            for number in range(self.config.partitions):
                low = reader.now((topics.EVENTS,), number)[topics.EVENTS].low
                end = reader.ends((topics.EVENTS,), number)[topics.EVENTS]
                for batch in reader.read(topics.EVENTS, number, low, end):
                    yield from self._settled_in(each.value() for each in batch)
        finally:
            reader.close()

    def _settled_in(self, values: Iterable[bytes | None]) -> Iterator[RunReturned]:
        for value in values:
            begins = self.codec.peek(value) if value is not None else None
            if value is None or begins is None or begins.kind != _SETTLED:
                continue
            event = self.codec.decode(topics.EVENTS, value)
            if isinstance(event, Event) and isinstance(event.fact, RunSettled):
                yield returned_to_tenant(event.meta, event.fact)

    def _messages(
        self, partition: int, said: Iterable[AdmissionAsked | ExtensionAsked | RunReturned]
    ) -> Iterator[Message]:
        """Yield what the tenants of a partition are told, without a number: it follows no event."""
        now, count = datetime.now(UTC), self.config.partitions
        for each in said:
            if partition_for(each.tenant_id.encode(), count) == partition:
                run_id = each.asks.run_id if isinstance(each, AdmissionAsked) else each.run_id
                again = f"again/{each.extension_id if isinstance(each, ExtensionAsked) else run_id}"
                named = headers(type(each).__name__, again, RUNS.source, now, each.tenant_id, "")
                value = self.books.encode(topics.TENANT_REQUESTS, each)
                yield Message(topics.TENANT_REQUESTS, each.tenant_id, value, named)
