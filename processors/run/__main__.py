"""``python -m runfold.processors.run``: the run processor, with the local effects.

It owns the partitions of RUNFOLD_FIXED_PARTITIONS ("0,1"; all of them where that is empty), or
shares them out in a consumer group where RUNFOLD_OWNERSHIP is ``group``. Its exit codes are those
of every process, and 71 where another one owns the same fixed partitions.

With ``--take-new-inputs`` it begins input topics that were created again at their beginning, says
so in the journal, and ends. With ``--accept-lost-journal`` it goes on with what is left of a
journal that cannot be restored: it lists the runs that are lost, says so in the journal, and ends.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache, partial

from runfold.events.avro.codec import Codec
from runfold.events.avro.vocabulary import TENANTS as TENANT_RECORDS
from runfold.events.topics import EVENTS, TOPICS
from runfold.infra.artifacts.files import FileArtifacts
from runfold.infra.artifacts.sealed import SealedArtifacts
from runfold.infra.credentials.watching import asked_for
from runfold.infra.database.connection import engine as database_engine
from runfold.infra.kafka.counts import CountWatch, need_counts
from runfold.infra.process.exit_codes import ExitCode
from runfold.infra.process.gc import collect_seldom
from runfold.infra.process.runner import Ends, Process, Watch, serve
from runfold.infra.settings.config import Config
from runfold.infra.settings.declared import variables
from runfold.processors.context.kind import CONTEXT_CALL
from runfold.processors.context.processor import ContextProcessor
from runfold.processors.definitions.following import Following, following
from runfold.processors.definitions.sealing import sealing_codec, told
from runfold.processors.definitions.source import DefinitionStoreUnavailableError
from runfold.processors.effects.bounds import Bounds
from runfold.processors.effects.kinds import Served
from runfold.processors.effects.local import LocalEffects
from runfold.processors.effects.under_way import UnderWay, always
from runfold.processors.engine.config import EngineConfig, GroupConfig
from runfold.processors.engine.kafka.beside import Beside
from runfold.processors.engine.kafka.restoring.new_inputs import take_new_inputs
from runfold.processors.engine.kafka.runner import Engine
from runfold.processors.engine.ports import NoEffects
from runfold.processors.model.apart.beside import Models, models_beside_lanes
from runfold.processors.model.kind import MODEL_CALL
from runfold.processors.model.names import resolve
from runfold.processors.model.providers.settings import ModelSettings
from runfold.processors.policy_server.kind import POLICY_CALL
from runfold.processors.policy_server.processor import PolicyServerProcessor, place_of
from runfold.processors.run import behaviour
from runfold.processors.run.accepting import Accepting
from runfold.processors.run.aggregate import RUNS, runs_that_begin_with
from runfold.processors.tenant.aggregate import TENANTS
from runfold.processors.tool.beginning.health import Health
from runfold.processors.tool.call_log import CallLog
from runfold.processors.tool.children.at_start import imported_at_start
from runfold.processors.tool.dying.deaths import Deaths
from runfold.processors.tool.dying.poison import PoisonGuard
from runfold.processors.tool.kind import TOOL_CALL, may_repeat
from runfold.processors.tool.processor import ToolProcessor
from runfold.processors.tool.settings import ToolSettings
from runfold.producers.errors import RefusedError
from runfold.producers.log.stalls import stall_watch
from runfold.producers.log.topics.partitions import deployed_partitions
from runfold.producers.log.topics.topic_check import TopicWatch, need_settings
from runfold.producers.log.topics.topic_ids import TopicIdWatch
from runfold.producers.schema_registry.chosen import registry_of

_LANE_ENDS_S = 15.0
"""What a lane gets beyond the calls in flight: to commit their results and to close."""

_TAKE_NEW = "--take-new-inputs"
_ACCEPT = "--accept-lost-journal"
_OPTIONS = {
    _TAKE_NEW: "begin input topics that were created again at their beginning, and end",
    _ACCEPT: "go on with a journal that lost its end or its beginning, list what is lost, and end",
}


@dataclass(frozen=True, slots=True)
class _Settings:
    models: ModelSettings
    tools: ToolSettings
    fixed: tuple[int, ...] | None
    by_group: bool


def main() -> int:
    """Run the processor with the settings of the environment and return its exit code."""
    ends: Ends = {
        DefinitionStoreUnavailableError: ExitCode.CANNOT_GO_ON,
        RefusedError: ExitCode.WRONG_SETTINGS,
    }
    return serve("runfold-runs", _settings, _work, ends, options=_OPTIONS)


def _work(process: Process, settings: _Settings) -> int:
    config = process.config
    owned = _owned(config, settings)
    need_counts(config.kafka, owned.partitions)
    need_settings(config.kafka, TOPICS)
    codec = sealing_codec(registry_of(config.schema_registry_url), process.taken.values)
    process.health.reports["keys"] = told(codec)
    with following(config.kafka, codec) as known:
        if process.asked(_TAKE_NEW):
            return _take_new(owned, codec, known)
        if process.asked(_ACCEPT):
            return _accept(config, owned, codec, known)
        credentials = asked_for(settings.tools.every_secret(process.taken.values))
        files = FileArtifacts(process.config.need_home() / "artifacts")
        artifacts = SealedArtifacts(files, codec.sealing)
        models = models_beside_lanes(
            settings.models, known.script, artifacts.get, known.refresh, config.kafka, codec
        )
        effects = _effects(process, settings, known, models, artifacts)
        runs = runs_that_begin_with(
            behaviour.CURRENT,
            lru_cache(1024)(models.processor.is_priced),
            partial(resolve, configured=settings.models.configured),
            credentials.judge if credentials else None,
        )
        engine = Engine(owned, runs, codec, known.store, effects)
        tenants = Beside(
            lambda: Engine(owned, TENANTS, codec.of(TENANT_RECORDS), known.store, NoEffects()),
            # Without a policy nobody asks a tenant, and its lanes need not be there.
            lambda: known.store.current().has("tenant_policy"),
            engine.fail,
        )
        stalls = stall_watch(
            config,
            lambda: {**engine.reading(), **tenants.reading(), **known.reading()},
            lambda why: engine.fail(why, ExitCode.STALLED),
        )
        # Lanes that open again find out whether their positions are of the topics of now.
        ids = TopicIdWatch(
            config.kafka,
            (*RUNS.topics.inputs, *TENANTS.topics.inputs),
            lambda why: engine.fail(why, ExitCode.STALLED),
        )
        counts = CountWatch(
            config.kafka,
            owned.partitions,
            # No start helps until somebody has mended the topics.
            lambda why: engine.fail(why, ExitCode.WRONG_SETTINGS),
        )
        watches: tuple[Watch, ...] = (
            stalls,
            TopicWatch(config.kafka, TOPICS),
            ids,
            counts,
            engine.watch_journal(),
            tenants,
            *([credentials] if credentials else []),
        )
        collect_seldom()
        try:
            with process.working(engine.stop, *watches):
                return engine.run()
        finally:
            effects.close(0)


def _owned(config: Config, settings: _Settings) -> EngineConfig:
    return EngineConfig(
        kafka=config.kafka,
        partitions=deployed_partitions(config, EVENTS),
        fixed=settings.fixed,
        group=GroupConfig(protocol=config.group_protocol) if settings.by_group else None,
        stuck_after=config.stuck_after,
        drain_calls=config.drain_s,
        drain_timeout=config.drain_s + _LANE_ENDS_S,
    )


def _take_new(owned: EngineConfig, codec: Codec, known: Following) -> int:
    partitions = range(owned.partitions)
    taken = [
        *take_new_inputs(owned, RUNS, codec, known.store, partitions),
        *take_new_inputs(owned, TENANTS, codec.of(TENANT_RECORDS), known.store, partitions),
    ]
    for each in taken:
        what = f"{each.topic}/{each.partition}"
        print(f"{what} begins at its beginning; it was at offset {each.position}")
    if not taken:
        print("every position belongs to the topic that is there: nothing to do")
    return ExitCode.TOLD_TO_END


def _accept(config: Config, owned: EngineConfig, codec: Codec, known: Following) -> int:
    accepting = Accepting(
        owned, codec, codec.of(TENANT_RECORDS), known.store, lambda: _believed(config)
    )
    taken = accepting.all()
    for each in taken:
        print(f"accepted: {each.fault.sentence()}")
        for lost in each.lost:
            print(f"lost: {lost}")
    if not taken:
        print("every lane has what it needs of its journal: nothing to do")
    return ExitCode.TOLD_TO_END


def _believed(config: Config) -> list[str]:
    """Return the runs that live as the views have it, which alone know those without an event."""
    if not config.database_url:
        print("DATABASE_URL is not set: runs of which no event is left cannot be listed")
        return []
    # No other life of this process needs the views.
    from runfold.projections.queries.operating import live_runs  # noqa: PLC0415
    from runfold.projections.queries.scope import OperatorViews  # noqa: PLC0415

    engine = database_engine(config.database_url)
    try:
        with engine.connect() as connection:
            return live_runs(OperatorViews(connection, "--accept-lost-journal"))
    finally:
        engine.dispose()


def _effects(
    process: Process,
    settings: _Settings,
    known: Following,
    models: Models,
    artifacts: SealedArtifacts,
) -> LocalEffects:
    taken = process.taken
    children = settings.tools.children(taken.masks)
    health = Health()
    tools = ToolProcessor(
        known.tool,
        None,
        artifacts,
        settings.tools.secrets(taken.values),
        refresh=known.refresh,
        code=settings.tools.code,
        masks=taken.masks,
        poison=PoisonGuard(Deaths(process.config.need_home() / "calls"), settings.tools.deaths),
        children=children,
        health=health,
        logged=CallLog(settings.tools.log),
        source=known.published_tool,
    )
    policies = PolicyServerProcessor(place_of(None, taken.values))
    process.health.reports["modules"] = children.told
    alone = models.processor.left_alone
    process.health.reports["left_alone"] = lambda: {**health.told(), **alone()}
    under_way = UnderWay(process.config.drain_s)
    process.health.reports["calls"] = under_way.told
    return LocalEffects(
        under_way.over(
            Served(
                MODEL_CALL,
                models.processor.call,
                ready=models.processor.ready,
                group=models.processor.group,
            ),
            always,
        ),
        under_way.over(
            Served(
                TOOL_CALL, tools.call, settings.tools.calls, tools.cap, tools.ready, tools.group
            ),
            may_repeat(known.tool),
        ),
        under_way.over(Served(CONTEXT_CALL, ContextProcessor(artifacts).call), always),
        under_way.over(Served(POLICY_CALL, policies.call), always),
        resources=(
            *models.resources(),
            policies,
            children,
            imported_at_start(children),
        ),
        traces=process.traces,
        bounds=Bounds.from_env(),
    )


def _settings(config: Config) -> _Settings:
    config.need_home()
    return _Settings(
        models=ModelSettings.from_environment(),
        tools=ToolSettings.from_env(),
        fixed=variables.FIXED_PARTITIONS.read(),
        by_group=variables.OWNERSHIP.read() == "group",
    )


if __name__ == "__main__":
    sys.exit(main())
