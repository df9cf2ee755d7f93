"""``python -m runfold.processors.context``: a pool for the calls of the topic context.calls.

SIGTERM ends it after the calls in flight. Its exit codes are those of every process.
"""

from __future__ import annotations

import sys
from pathlib import Path

from runfold.infra.artifacts.files import FileArtifacts
from runfold.infra.artifacts.sealed import SealedArtifacts
from runfold.infra.process.runner import Process, serve
from runfold.infra.settings.config import Config
from runfold.processors.context.kind import CONTEXT_CALL
from runfold.processors.context.processor import ContextProcessor
from runfold.processors.definitions.sealing import follow_when_needed, sealing_codec, told
from runfold.processors.effects.kinds import Served
from runfold.processors.effects.pool.serving import POOL_ENDS, serve_pool
from runfold.processors.effects.pool.settings import POOL_OPTIONS
from runfold.processors.effects.under_way import UnderWay, always
from runfold.producers.schema_registry.chosen import registry_of


def main() -> int:
    """Run a pool with the settings of the environment and return its exit code."""
    return serve("runfold-contexts", Config.need_home, _work, POOL_ENDS, options=POOL_OPTIONS)


def _work(process: Process, home: Path) -> int:
    config = process.config
    codec = sealing_codec(registry_of(config.schema_registry_url), process.taken.values)
    follow_when_needed(codec, lambda: config.kafka)
    contexts = ContextProcessor(SealedArtifacts(FileArtifacts(home / "artifacts"), codec.sealing))
    under_way = UnderWay(process.config.drain_s)
    process.health.reports["keys"] = told(codec)
    process.health.reports["calls"] = under_way.told
    served = under_way.over(Served(CONTEXT_CALL, contexts.call), always)
    return serve_pool(process, served, codec, dict)


if __name__ == "__main__":
    sys.exit(main())
