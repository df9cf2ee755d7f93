"""``python -m runfold.processors.run``: the run processor, with the local effects.

It owns the partitions of RUNFOLD_FIXED_PARTITIONS ("0,1"; all of them where that is empty), or
shares them out in a consumer group where RUNFOLD_OWNERSHIP is ``group``. It ends with 0 when told
to by SIGTERM, 2 where a setting is wrong, and with the engine's codes where it cannot go on.
"""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass

from runfold.events.avro.codec import Codec
from runfold.events.definitions import ModelScript, ToolContract
from runfold.events.topics import EVENTS
from runfold.infra.artifacts.files import FileArtifacts
from runfold.infra.logging.json_lines import log_to_stderr
from runfold.infra.metrics.serving import serve_metrics
from runfold.infra.process.gc import collect_seldom
from runfold.infra.process.ready import announce
from runfold.infra.process.stall import EXIT_STALLED, StallWatch
from runfold.infra.settings.config import Config, ConfigError
from runfold.infra.tracing.spans import Traces
from runfold.processors.context.kind import CONTEXT_CALL
from runfold.processors.context.processor import ContextProcessor
from runfold.processors.definitions.follower import DefinitionFollower
from runfold.processors.definitions.kafka import KafkaDefinitionLog
from runfold.processors.definitions.source import DefinitionStoreUnavailableError
from runfold.processors.effects.kinds import Served
from runfold.processors.effects.local import LocalEffects
from runfold.processors.engine.config import EngineConfig, GroupConfig
from runfold.processors.engine.kafka.runner import Engine
from runfold.processors.model.kind import MODEL_CALL
from runfold.processors.model.processor import ModelProcessor
from runfold.processors.model.providers.settings import ModelSettings, SettingsError
from runfold.processors.run.aggregate import RUNS
from runfold.processors.tool.kind import TOOL_CALL
from runfold.processors.tool.processor import ToolProcessor
from runfold.processors.tool.settings import ToolSettings
from runfold.producers.errors import LogError
from runfold.producers.log.partitions import partition_count
from runfold.producers.schema_registry.chosen import registry_of

_READY_S = 30.0
_REFRESH_S = 5.0

_log = logging.getLogger("runfold.processors.run")


@dataclass(frozen=True, slots=True)
class _Settings:
    config: Config
    models: ModelSettings
    tools: ToolSettings
    engine: EngineConfig
    traces: Traces | None


def main() -> int:
    """Run the processor with the settings of the environment and return its exit code."""
    log_to_stderr()
    try:
        settings = _settings()
        serve_metrics(settings.config.metrics_port)
    except (ConfigError, SettingsError, LogError) as error:
        print(error, file=sys.stderr)
        return 2
    codec = Codec(registry_of(settings.config.schema_registry_url))
    try:
        log = KafkaDefinitionLog(settings.config.kafka, codec)
        with DefinitionFollower(log) as store:
            store.wait_ready(_READY_S)
            return _run(settings, codec, log, store)
    except DefinitionStoreUnavailableError as error:
        _log.error("%s", error)
        return 1


def _run(
    settings: _Settings, codec: Codec, log: KafkaDefinitionLog, store: DefinitionFollower
) -> int:
    effects = _effects(settings, store)
    engine = Engine(settings.engine, RUNS, codec, store, effects)
    stalls = StallWatch(
        settings.config.kafka,
        lambda: {**engine.reading(), **log.reading()},
        settings.config.stall_after,
        lambda why: engine.fail(why, EXIT_STALLED),
    )
    stalls.start()
    collect_seldom()
    announce()
    try:
        return engine.run()
    finally:
        stalls.stop()
        effects.close(0)
        if settings.traces is not None:
            settings.traces.close()


def _effects(settings: _Settings, store: DefinitionFollower) -> LocalEffects:
    artifacts = FileArtifacts(settings.config.need_home() / "artifacts")

    def script(name: str, tenant: str) -> ModelScript | None:
        return store.current().model_script(name, None, tenant)

    def contract(name: str, version: str, tenant: str) -> ToolContract | None:
        return store.current().tool(name, version, tenant)

    def refresh() -> object:
        return store.catch_up(_REFRESH_S)

    models = ModelProcessor(settings.models, script, artifacts.get, refresh=refresh)
    tools = ToolProcessor(
        contract,
        None,
        artifacts,
        modules=settings.tools.modules,
        refresh=refresh,
        code=settings.tools.code,
    )
    return LocalEffects(
        Served(MODEL_CALL, models.call),
        Served(TOOL_CALL, tools.call, settings.tools.calls, tools.cap),
        Served(CONTEXT_CALL, ContextProcessor(artifacts).call),
        resources=(models,),
        traces=settings.traces,
    )


def _settings() -> _Settings:
    config = Config.from_env()
    config.need_home()
    return _Settings(
        config=config,
        models=ModelSettings.from_environment(os.environ),
        tools=ToolSettings.from_env(),
        engine=EngineConfig(
            kafka=config.kafka,
            partitions=config.partitions or partition_count(config.kafka, EVENTS),
            fixed=_fixed(os.environ.get("RUNFOLD_FIXED_PARTITIONS", "")),
            group=_group(os.environ.get("RUNFOLD_OWNERSHIP", "fixed"), config.group_protocol),
            stuck_after=config.stuck_after,
        ),
        traces=Traces.from_env("runfold-runs"),
    )


def _fixed(text: str) -> tuple[int, ...] | None:
    parts = text.replace(",", " ").split()
    if not all(part.isdecimal() for part in parts):
        raise ConfigError(f"RUNFOLD_FIXED_PARTITIONS lists partition numbers, not {text!r}.")
    return tuple(map(int, parts)) or None


def _group(ownership: str, protocol: str) -> GroupConfig | None:
    if ownership not in ("fixed", "group"):
        raise ConfigError(f"RUNFOLD_OWNERSHIP is fixed or group, not {ownership!r}.")
    return GroupConfig(protocol=protocol) if ownership == "group" else None


if __name__ == "__main__":
    sys.exit(main())
