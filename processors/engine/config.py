"""The engine's settings, with the defaults that were measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Kafka = Mapping[str, str | int | float | bool]
"""Settings that every client of one process begins with."""


@dataclass(frozen=True, slots=True)
class GroupConfig:
    """Ownership by membership in a consumer group; ``protocol`` is ``consumer`` or ``classic``.

    ``session_timeout_ms`` is of the classic protocol; where the brokers require a longer one, it is
    6000, which all allow unless configured otherwise. That of the other protocol is the brokers'.
    """

    protocol: str = "consumer"
    session_timeout_ms: int = 3000


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """How one process runs its lanes; all times in seconds.

    With ``group`` None the process owns ``fixed``, all partitions if that is None too.
    ``app`` begins the transactional ids and names the groups: one app per deployment.
    A process that is told to end waits ``drain_calls`` for the calls that are out, and
    ``drain_timeout``, which must be longer, for its lanes.
    """

    kafka: Kafka = field(repr=False)
    partitions: int
    app: str = "runfold"
    fixed: tuple[int, ...] | None = None
    group: GroupConfig | None = None
    max_batch: int = 500
    max_batch_bytes: int = 4_000_000
    max_waiting: int = 5_000
    commit_timeout: float = 30.0
    transaction_timeout: float = 10.0
    session_timeout: float = 3.0
    tidy_every: float = 1.0
    hint_every: float = 2.0
    note_every: float = 5.0
    note_after: int = 1000
    park_after: float = 60.0
    park_stride: int = 200_000
    dedupe_horizon: float = 3600.0
    stuck_after: float = 60.0
    drain_calls: float = 5.0
    drain_timeout: float = 20.0

    def client(self, **settings: str | float | bool) -> dict[str, str | int | float | bool]:
        """Return the settings of one Kafka client."""
        quick = {"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 500, "log_level": 0}
        names = {name.replace("_", "."): value for name, value in settings.items()}
        return {**quick, **self.kafka, **names}
