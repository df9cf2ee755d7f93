"""A tool pool in a process of its own, with the tests' tools: ``python -m tests.effects.host``."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.infra.settings.config import Config
from runfold.processors.effects.kinds import Served
from runfold.processors.effects.local import LocalEffects
from runfold.processors.effects.pool.permits import Permits
from runfold.processors.effects.pool.pool import Pool
from runfold.processors.effects.pool.settings import PoolConfig
from runfold.processors.tool import ToolProcessor, contract_of
from runfold.processors.tool.claims.postgres import PostgresClaims
from runfold.processors.tool.kind import TOOL_CALL
from tests.tool import samples

TOOLS: tuple[Callable[..., Any], ...] = (
    samples.records,
    samples.records_again,
    samples.naps,
    samples.shares,
)


def main() -> int:
    """Serve until told to stop."""
    logging.basicConfig(level=logging.INFO)
    config = Config.from_env()
    contracts = {(found.name, found.version): found for found in map(contract_of, TOOLS)}
    claims = PostgresClaims(config.need_database(), lease_s=1.0)
    tools = ToolProcessor(
        lambda name, version, _tenant: contracts.get((name, version)),
        claims,
        MemoryArtifacts(),
        modules=["tests.tool.samples"],
        slots=claims.slots,
    )
    settings = PoolConfig(
        kind=TOOL_CALL.call,
        kafka=config.kafka,
        group="tools",
        group_protocol=config.group_protocol,
        instance=os.environ.get("RUNFOLD_INSTANCE", ""),
        commit_every_s=0.05,
        backlog=int(os.environ.get("BACKLOG", "256")),
    )
    codec = Codec(LockRegistry())
    permits = Permits(config.kafka, codec, config.partitions or 0)
    served = Served(TOOL_CALL, tools.call, ready=tools.ready)
    effects = LocalEffects(served, resources=(claims,), gate=permits)
    pool = Pool(settings, codec, effects, permits)
    signal.signal(signal.SIGTERM, lambda *_: pool.stop())
    pool.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
