"""``python -m runfold.processors.model``: a pool that makes the calls of the topic model.calls.

Settings come from the environment: those of producers.config, and those of
processors.model.providers for keys, models and prices. It ends with 0 when told to by SIGTERM
(after the calls in flight), 1 when it cannot go on, 2 where a setting is missing.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys

from runfold.events.avro.codec import Codec
from runfold.events.definitions import ModelScript
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
from runfold.processors.model.kind import MODEL_CALL
from runfold.processors.model.processor import ModelProcessor
from runfold.processors.model.providers.settings import ModelSettings, SettingsError
from runfold.producers.schema_registry.chosen import registry_of

_READY_S = 30.0
_REFRESH_S = 5.0

_log = logging.getLogger("runfold.processors.model")


def main() -> int:
    """Run a pool with the settings of the environment and return its exit code."""
    log_to_stderr()
    try:
        config = Config.from_env()
        settings = ModelSettings.from_environment(os.environ)
        traces = Traces.from_env("runfold-models")
        serve_metrics(config.metrics_port)
    except (ConfigError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 2
    codec = Codec(registry_of(config.schema_registry_url))
    try:
        log = KafkaDefinitionLog(config.kafka, codec)
        with DefinitionFollower(log) as store:
            store.wait_ready(_READY_S)
            _serve(config, settings, codec, (log, store), traces)
    except (PoolError, DefinitionStoreUnavailableError) as error:
        _log.error("the process ends: %s", error)
        return EXIT_STALLED if isinstance(error, PoolStalledError) else 1
    finally:
        if traces is not None:
            traces.close()
    return 0


def _serve(
    config: Config,
    settings: ModelSettings,
    codec: Codec,
    definitions: tuple[KafkaDefinitionLog, DefinitionFollower],
    traces: Traces | None,
) -> None:
    log, store = definitions

    def script(name: str, tenant: str) -> ModelScript | None:
        return store.current().model_script(name, None, tenant)

    fetch = FileArtifacts(config.home / "artifacts").get if config.home else None
    models = ModelProcessor(settings, script, fetch, refresh=lambda: store.catch_up(_REFRESH_S))
    pool = Pool(
        PoolConfig(
            kind=MODEL_CALL.call,
            kafka=config.kafka,
            group_protocol=config.group_protocol,
            instance=os.environ.get("RUNFOLD_INSTANCE", "").strip(),
            stuck_s=config.stuck_after,
        ),
        codec,
        LocalEffects(Served(MODEL_CALL, models.call), resources=(models,), traces=traces),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: pool.stop())
    _log.info("serving %s as %s/%s", MODEL_CALL.call.topic, socket.gethostname(), os.getpid())
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
