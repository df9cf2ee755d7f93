"""Verifying the definition store: whether the policies of each moment permitted what it holds."""

from __future__ import annotations

from runfold.events import topics
from runfold.events.definitions import StoreRecord
from runfold.processors.definitions.permits import Unpermitted, unpermitted
from runfold.producers.log.port import LogReader

KIND = "permit"
"""The kind of a fault of the store: nobody was permitted to put that there."""

NAME = topics.REGISTRY
"""What faults of the store stand under, in the place of a run's id."""


def unpermitted_records(reader: LogReader) -> list[Unpermitted]:
    """Return what stands in the store though the policies before it do not permit it."""
    return list(
        unpermitted(
            (found.place.offset, found.record)
            for found in reader.read(topics.REGISTRY)
            if isinstance(found.record, StoreRecord)
        )
    )
