"""``python -m runfold.processors.tool``: a pool that makes the tool calls of the topic tool.calls.

Settings come from the environment: those of producers.config and processors.tool.settings. It
ends with 0 when told to by SIGTERM (after the calls in flight), 1 when it cannot go on, 2 where a
setting is missing.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys

from runfold.events.avro.codec import Codec
from runfold.events.definitions import ToolContract
from runfold.infra.artifacts.files import FileArtifacts
from runfold.infra.logging.json_lines import log_to_stderr
from runfold.infra.metrics.serving import serve_metrics
from runfold.infra.process.ready import announce
from runfold.infra.process.stall import EXIT_STALLED, StallWatch
from runfold.infra.settings.config import Config, ConfigError
from runfold.infra.tracing.spans import Traces
from runfold.processors.definitions.follower import DefinitionFollower
from runfold.processors.definitions.kafka import KafkaDefinitionLog
from runfold.processors.definitions.source import DefinitionStoreUnavailableError
from runfold.processors.effects.errors import PoolError, PoolStalledError
from runfold.processors.effects.kinds import Served
from runfold.processors.effects.local import LocalEffects
from runfold.processors.effects.pool import Pool
from runfold.processors.effects.settings import PoolConfig
from runfold.processors.tool.claims.postgres import PostgresClaims
from runfold.processors.tool.errors import ClaimsUnavailableError
from runfold.processors.tool.kind import TOOL_CALL
from runfold.processors.tool.processor import ToolProcessor
from runfold.processors.tool.settings import ToolSettings
from runfold.producers.schema_registry.chosen import registry_of

_READY_S = 30.0

_log = logging.getLogger("runfold.processors.tool")


def main() -> int:
    """Run a pool with the settings of the environment and return its exit code."""
    log_to_stderr()
    try:
        config, settings = Config.from_env(), ToolSettings.from_env()
        database, home = config.need_database(), config.need_home()
        traces = Traces.from_env("runfold-tools")
        serve_metrics(config.metrics_port)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    codec = Codec(registry_of(config.schema_registry_url))
    claims = PostgresClaims(database, settings.lease_s, wait_s=_READY_S)
    artifacts = FileArtifacts(home / "artifacts")
    try:
        log = KafkaDefinitionLog(config.kafka, codec)
        with DefinitionFollower(log) as store:
            store.wait_ready(_READY_S)

            def contract(name: str, version: str, tenant: str) -> ToolContract | None:
                return store.current().tool(name, version, tenant)

            tools = ToolProcessor(
                contract,
                claims,
                artifacts,
                modules=settings.modules,
                code=settings.code,
                refresh=lambda: store.catch_up(_READY_S / 6),
            )
            served = Served(TOOL_CALL, tools.call, settings.calls, tools.cap)
            effects = LocalEffects(served, resources=(claims,), traces=traces)
            _serve(config, codec, log, effects)
    except (PoolError, DefinitionStoreUnavailableError, ClaimsUnavailableError) as error:
        _log.error("the process ends: %s", error)
        return EXIT_STALLED if isinstance(error, PoolStalledError) else 1
    finally:
        if traces is not None:
            traces.close()
    return 0


def _serve(config: Config, codec: Codec, log: KafkaDefinitionLog, effects: LocalEffects) -> None:
    settings = PoolConfig(
        kind=TOOL_CALL.call,
        kafka=config.kafka,
        group_protocol=config.group_protocol,
        instance=os.environ.get("RUNFOLD_INSTANCE", "").strip(),
        stuck_s=config.stuck_after,
    )
    pool = Pool(settings, codec, effects)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: pool.stop())
    _log.info("serving %s as %s/%s", settings.topic, socket.gethostname(), os.getpid())
    stalls = StallWatch(
        config.kafka,
        lambda: {**pool.reading(), **log.reading()},
        config.stall_after,
        pool.stall,
    )
    stalls.start()
    announce()
    try:
        pool.run()
    finally:
        stalls.stop()


if __name__ == "__main__":
    sys.exit(main())
