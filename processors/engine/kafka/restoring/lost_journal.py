"""Going on with what is left of a journal, on record, where the rest cannot be restored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from runfold.events.avro.headers import headers
from runfold.events.records.operations import HISTORY_LOST, DeadLetter
from runfold.processors.engine.aggregate import S
from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.core.batch import BatchDecider
from runfold.processors.engine.core.messages import Message
from runfold.processors.engine.core.partition_state import PartitionState
from runfold.processors.engine.core.progress import LOST
from runfold.processors.engine.kafka.maintenance import Maintenance
from runfold.processors.engine.kafka.restoring.restore import Restore
from runfold.processors.engine.kafka.restoring.whole import JournalFault
from runfold.processors.engine.kafka.transaction import Transactions
from runfold.processors.engine.ports import Codec, DefinitionStore
from runfold.processors.engine.spec import AggregateSpec

CODE = HISTORY_LOST
"""The code of the dead letter of each aggregate whose events are gone."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was accepted of a partition: what its journal has lost, and what lived in it."""

    fault: JournalFault
    lost: tuple[str, ...]


def accept_lost_journal(
    config: EngineConfig,
    spec: AggregateSpec[S],
    codec: Codec,
    definitions: DefinitionStore,
    partitions: Iterable[int],
    believed: Callable[[int], set[str]] = lambda _: set(),
    also: Callable[[int, PartitionState[S]], list[Message]] = lambda _partition, _state: [],
) -> list[Accepted]:
    """Note in the journal that what is gone is gone, with a dead letter for each live aggregate.

    ``believed`` returns what somebody else takes to live in a partition, such as the views: what
    has no event left is known to nobody else. ``also`` may change how far a partition is, as others
    know it, and returns what is written in the same transaction. It fences the lanes that run; they
    open again. Raises what opening a lane raises.
    """
    found: list[Accepted] = []
    for partition in partitions:
        journal = spec.topics.journal
        # The producer first: it fences the lane, and nobody else writes from then on.
        writer = Transactions(
            config, spec.transactional_id(config.app, partition), journal, partition
        )
        restore = Restore(config, spec, codec, partition, lambda: None, accept_lost=True)
        state = restore.partition_state()
        if restore.fault is None:
            continue
        known = state.live.keys() | state.ended.keys() | state.newer.keys()
        gone = believed(partition) - restore.seen - known
        accepted = Accepted(restore.fault, tuple(sorted(restore.lost | gone)))
        now = datetime.now(UTC)
        # Whatever begins before this offset, and not with its first event, is lost for good.
        state.progress.positions[LOST + journal] = state.end
        told = also(partition, state)
        decider = BatchDecider(spec, codec, definitions, partition)
        reason = f"an operator accepts what is gone: {len(accepted.lost)} that lived are lost"
        hint = Maintenance(config, spec, codec, partition, -config.hint_every).hint(state, 0.0, now)
        writer.write(
            [
                decider.note(state.progress, reason, now),
                *(_letter(key, accepted, spec, codec, now) for key in accepted.lost),
                *([hint] if hint is not None else []),
                *told,
            ]
        )
        found.append(accepted)
    return found


def _letter(
    key: str, accepted: Accepted, spec: AggregateSpec[S], codec: Codec, now: datetime
) -> Message:
    fault, topic = accepted.fault, spec.topics.dead_letters
    letter = DeadLetter(
        # Each has a place of its own, by which the view of dead letters tells them apart.
        topic=f"{fault.journal}/{key}",
        partition=fault.partition,
        offset=fault.start,
        time=now,
        code=CODE,
        reason=f"{key} lived, and its events are gone: whether it acted is not on record any more",
        size=0,
        key=key.encode(),
    )
    named = headers("DeadLetter", f"lost/{key}", spec.source, now, key, "")
    return Message(topic, key, codec.encode(topic, letter), named)
