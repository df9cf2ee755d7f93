"""What is examined, and from when on something counts as wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine

from runfold.producers.log.port import LogReader
from runfold.stack.supervisor.state import State
from runfold.surfaces.doctor.log.kafka import KafkaLook


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes up to which things are as they should be."""

    input_waits_s: float = 15.0
    view_lags_s: float = 15.0
    pool_waits_s: float = 600.0
    transaction_open_s: float = 60.0
    run_silent_s: float = 60.0
    overdue_s: float = 30.0
    approval_waits_s: float = 3600.0
    claim_orphaned_s: float = 60.0
    clocks_differ_s: float = 2.0
    delivery_lags_s: float = 60.0
    delivery_waits_s: float = 900.0
    letters_since_s: float = 86_400.0
    disk_wrong_bytes: int = 500_000_000
    disk_low_bytes: int = 5_000_000_000


@dataclass
class Deployment:
    """A deployment; ``known`` is what its supervisor says, None where none runs in this home."""

    kafka: Mapping[str, str]
    reader: LogReader
    engine: Engine
    home: Path
    known: State | None = None
    registry_url: str = ""
    limits: Limits = field(default_factory=Limits)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @cached_property
    def log(self) -> KafkaLook:
        """Looks at Kafka."""
        return KafkaLook(self.kafka)

    def age(self, moment: datetime) -> float:
        """Return for how many seconds something has been so."""
        return (self.now() - moment).total_seconds()
