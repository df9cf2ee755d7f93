"""``python -m runfold.projections``: the projector; SIGTERM ends it after the current batch.

It projects the partitions of RUNFOLD_PROJECTOR_PARTITIONS (such as ``0,2,3``). Without that it
shares them out in a consumer group where RUNFOLD_OWNERSHIP is ``group``, and projects all of them
otherwise. Its exit codes are those of every process, and 3 when another projector took over.

With ``--take-new-log`` it makes views whose positions are of another log again from the one that is
there, and ends.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from functools import partial

from sqlalchemy.exc import DBAPIError

from runfold.events.avro.codec import Codec
from runfold.events.errors import RegistryError
from runfold.events.topics import EVENTS, SUMMARIES, TOPICS
from runfold.infra.database import preflight, reads
from runfold.infra.database.errors import DatabaseAwayError
from runfold.infra.database.faults import said_by_the_database
from runfold.infra.deployment import binding
from runfold.infra.process.exit_codes import ExitCode
from runfold.infra.process.gc import collect_seldom
from runfold.infra.process.runner import Ends, Process, serve
from runfold.processors.definitions.sealing import reading_codec
from runfold.producers.errors import RefusedError
from runfold.producers.log.stalls import stall_watch
from runfold.producers.log.topics.partitions import deployed_partitions
from runfold.producers.log.topics.topic_check import need_settings
from runfold.producers.log.topics.topic_ids import TopicIdWatch
from runfold.producers.schema_registry.chosen import registry_of
from runfold.projections import schema, separating
from runfold.projections.errors import Fenced, SchemaTooNew
from runfold.projections.observability.watcher import Watcher
from runfold.projections.passed_by import TODO, passed_by
from runfold.projections.queries import OperatorViews
from runfold.projections.settings import ProjectorSettings
from runfold.projections.store.projector import Projector, ProjectorConfig
from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.shared import shared_projector
from runfold.projections.store.strange_log import take_new_log
from runfold.projections.summaries.keeper import SummaryKeeper
from runfold.projections.views import VIEWS

_READ = frozenset(topic for view in VIEWS.values() for topic in view.topics)
_USED = _READ | {SUMMARIES}

_TAKE_NEW = "--take-new-log"
_OPTIONS = {
    _TAKE_NEW: "make views again whose positions are of another log than is there, and end",
}

_log = logging.getLogger("runfold.projections")

_LOOK_S = 10


def main() -> int:
    """Run a projector with the settings of the environment and return its exit code."""
    ends: Ends = {
        SchemaTooNew: ExitCode.WRONG_SETTINGS,
        RefusedError: ExitCode.WRONG_SETTINGS,
        DatabaseAwayError: ExitCode.CANNOT_GO_ON,
        Fenced: ExitCode.OVERTAKEN,
    }
    return serve("runfold-projector", ProjectorSettings.read, _project, ends, options=_OPTIONS)


def _project(process: Process, settings: ProjectorSettings) -> int:
    need_settings(process.config.kafka, [topic for topic in TOPICS if topic.name in _USED])
    preflight.need(settings.database_url, [schema.PART], preflight.WAIT_S, _log.warning)
    # Again: the database may have been away at the first look.
    binding.need(process.config.kafka, settings.database_url, _log.warning)
    with said_by_the_database():
        schema.ensure(settings.database_url)
        separating.settle(settings.database_url, on=settings.row_security)
        if settings.reads:
            reads.make(settings.database_url)
    if process.asked(_TAKE_NEW):
        return _take_new(process, settings)
    config = process.config
    codec = reading_codec(
        registry_of(config.schema_registry_url), lambda: config.kafka, process.taken.values
    )
    _say_what_was_passed_by(settings.database_url, codec)
    watcher = Watcher(process.traces, count=process.config.metrics_port is not None)
    make = partial(_projector, process, settings, codec, watcher)
    shared = shared_projector(settings.ownership(), make, settings.again_s)
    stalls = stall_watch(process.config, shared.reading, shared.stall)
    collect_seldom()
    ids = TopicIdWatch(process.config.kafka, _READ, shared.stall)
    with process.working(shared.stop, stalls, ids):
        shared.run()
    return process.stalled(shared.stalled)


def _say_what_was_passed_by(url: str, codec: Codec) -> None:
    database = schema.engine(url)
    try:
        with database.connect() as connection:
            # It only informs: a table that somebody holds, or a large one, holds no start up.
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{_LOOK_S}s'")
            found = passed_by(OperatorViews(connection, "a projector starts"), codec)
    except (DBAPIError, RegistryError) as error:
        _log.warning("whether an older release passed by records cannot be seen: %s", error)
        return
    finally:
        database.dispose()
    if found:
        _log.warning("%s: %s", found, TODO)


def _take_new(process: Process, settings: ProjectorSettings) -> int:
    count = deployed_partitions(process.config, EVENTS)
    take_new_log(settings.database_url, process.config.kafka, list(VIEWS.values()), count, print)
    return ExitCode.TOLD_TO_END


def _projector(
    process: Process,
    settings: ProjectorSettings,
    codec: Codec,
    watcher: Watcher,
    partitions: tuple[int, ...],
) -> Projector:
    config = ProjectorConfig(
        reader=ReaderConfig(process.config.kafka),
        database_url=settings.database_url,
        partitions=partitions,
        owner=f"{socket.gethostname()}/{os.getpid()}",
        stuck_after_s=process.config.stuck_after,
    )
    summaries = SummaryKeeper(process.config.kafka, codec, settings.database_url)
    return Projector(config, codec, watcher=watcher, summaries=summaries)


if __name__ == "__main__":
    sys.exit(main())
