"""Begin input topics that are others than the journal speaks of, on record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from runfold.processors.engine.aggregate import S
from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.core.batch import BatchDecider
from runfold.processors.engine.kafka.restoring.restore import Restore
from runfold.processors.engine.kafka.restoring.strange_inputs import Strange
from runfold.processors.engine.kafka.transaction import Transactions
from runfold.processors.engine.ports import Codec, DefinitionStore
from runfold.processors.engine.spec import AggregateSpec


def take_new_inputs(
    config: EngineConfig,
    spec: AggregateSpec[S],
    codec: Codec,
    definitions: DefinitionStore,
    partitions: Iterable[int],
) -> list[Strange]:
    """Note in the journal that such topics begin anew, and return the positions given up.

    It fences the lanes that run; they open again. Raises what opening a lane raises.
    """
    found: list[Strange] = []
    for partition in partitions:
        journal = spec.topics.journal
        # The producer first: it fences the lane, and nobody else writes from then on.
        writer = Transactions(
            config, spec.transactional_id(config.app, partition), journal, partition
        )
        restore = Restore(config, spec, codec, partition, lambda: None, take_new=True)
        state = restore.partition_state()
        if restore.taken:
            decider = BatchDecider(spec, codec, definitions, partition)
            names = ", ".join(each.topic for each in restore.taken)
            reason = f"an operator says that these topics begin anew: {names}"
            writer.write([decider.note(state.progress, reason, datetime.now(UTC))])
            found += restore.taken
    return found
