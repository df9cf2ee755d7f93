"""A pool as the work of a process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from runfold.events import topics
from runfold.events.calls.kinds import CallKind
from runfold.infra.process.exit_codes import ExitCode
from runfold.infra.process.runner import Ends, Process
from runfold.infra.process.stall import Positions
from runfold.infra.settings.config import Config
from runfold.infra.settings.declared import variables
from runfold.processors.definitions.source import DefinitionStoreUnavailableError
from runfold.processors.effects.bounds import Bounds
from runfold.processors.effects.kinds import Served
from runfold.processors.effects.local import LocalEffects
from runfold.processors.effects.pool.core import PoolCodec
from runfold.processors.effects.pool.errors import PoolError, PoolPositionError, PoolStalledError
from runfold.processors.effects.pool.permits import Permits
from runfold.processors.effects.pool.pool import Pool
from runfold.processors.effects.pool.settings import TAKE_NEW_WORK, PoolConfig
from runfold.producers.errors import RefusedError
from runfold.producers.log.group_positions import begin_anew
from runfold.producers.log.stalls import stall_watch
from runfold.producers.log.topics.partitions import deployed_partitions
from runfold.producers.log.topics.topic_ids import TopicIdWatch

_log = logging.getLogger(__name__)

POOL_ENDS: Ends = {
    PoolStalledError: ExitCode.STALLED,
    PoolPositionError: ExitCode.WRONG_SETTINGS,
    RefusedError: ExitCode.WRONG_SETTINGS,
    PoolError: ExitCode.CANNOT_GO_ON,
    DefinitionStoreUnavailableError: ExitCode.CANNOT_GO_ON,
}
"""How a pool that cannot go on ends."""


def serve_pool(
    process: Process,
    served: Served[Any, Any],
    codec: PoolCodec,
    reading: Callable[[], Positions],
    resources: Sequence[AbstractAsyncContextManager[Any]] = (),
) -> int:
    """Make the calls of a kind until a signal ends the process; raises PoolError.

    ``reading`` is how far whatever else the process reads was received, ``resources`` are what the
    handler shares. With ``--take-new-work`` it commits the beginning of work topics that are others
    than the group remembers, and ends.
    """
    config, kind = process.config, served.kind.call
    if process.asked(TAKE_NEW_WORK):
        return _take_new(config, kind)
    settings = _settings(config, kind)
    permits = Permits(config.kafka, codec, deployed_partitions(config, topics.PERMITS))
    effects = LocalEffects(
        served,
        resources=resources,
        traces=process.traces,
        gate=permits,
        bounds=Bounds.of_pool(),
    )
    pool = Pool(settings, codec, effects, permits)
    stalls = stall_watch(
        config, lambda: {**pool.reading(), **permits.reading(), **reading()}, pool.stall
    )
    _log.info("serving %s as %s", settings.topic, permits.by)
    ids = TopicIdWatch(config.kafka, [settings.topic], pool.stall)
    with process.working(pool.stop, stalls, ids):
        pool.run()
    return ExitCode.TOLD_TO_END


def _settings(config: Config, kind: CallKind[Any, Any]) -> PoolConfig:
    return PoolConfig(
        kind=kind,
        kafka=config.kafka,
        group_protocol=config.group_protocol,
        instance=variables.INSTANCE.read(),
        drain_s=config.drain_s,
        backlog=variables.POOL_BACKLOG.read(),
        backlog_bytes=variables.POOL_BACKLOG_MB.read() * 1_000_000,
        stuck_s=config.stuck_after,
    )


def _take_new(config: Config, kind: CallKind[Any, Any]) -> int:
    taken = begin_anew(config.kafka, kind.group, kind.topic)
    for each in taken:
        print(f"{each}; it begins at its beginning")
    if not taken:
        print("every position belongs to the topic that is there: nothing to do")
    return ExitCode.TOLD_TO_END
