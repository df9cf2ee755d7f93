"""``python -m runfold.projections``: the projector; SIGTERM ends it after the current batch.

Settings come from the environment: KAFKA_BOOTSTRAP_SERVERS, KAFKA_*, DATABASE_URL,
SCHEMA_REGISTRY_URL, RUNFOLD_PARTITIONS, and RUNFOLD_PROJECTOR_PARTITIONS (such as ``0,2,3``;
all unless given). It ends with 0 when told to, 3 when another projector took over, 2 where a
setting is missing, 70 when it stood still, 72 when nothing came to it that was there.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys

from confluent_kafka.admin import AdminClient

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.infra.logging.json_lines import log_to_stderr
from runfold.infra.metrics.serving import serve_metrics
from runfold.infra.process.gc import collect_seldom
from runfold.infra.process.stall import EXIT_STALLED, StallWatch
from runfold.infra.settings.config import Config, ConfigError
from runfold.infra.tracing.spans import Traces
from runfold.producers.schema_registry.chosen import registry_of
from runfold.projections import schema
from runfold.projections.errors import Fenced, SchemaTooNew
from runfold.projections.observability.watcher import Watcher
from runfold.projections.store.projector import Projector, ProjectorConfig
from runfold.projections.store.reader import ReaderConfig
from runfold.stack.ready import announce

_log = logging.getLogger("runfold.projections")


def main() -> int:
    """Run a projector with the settings of the environment and return its exit code."""
    log_to_stderr()
    try:
        config = Config.from_env()
        chosen = _partitions(
            os.environ.get("RUNFOLD_PROJECTOR_PARTITIONS", ""),
            config.partitions or _count(config),
        )
        url = config.need_database()
        traces = Traces.from_env("runfold-projector")
        serve_metrics(config.metrics_port)
        schema.ensure(url)
    except (ConfigError, SchemaTooNew) as error:
        print(error, file=sys.stderr)
        return 2
    projector = Projector(
        ProjectorConfig(
            reader=ReaderConfig(config.kafka),
            database_url=url,
            partitions=chosen,
            owner=f"{socket.gethostname()}/{os.getpid()}",
            stuck_after_s=config.stuck_after,
        ),
        Codec(registry_of(config.schema_registry_url)),
        watcher=Watcher(traces, count=config.metrics_port is not None),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: projector.stop())
    collect_seldom()
    _log.info("projecting partitions %s", ",".join(map(str, chosen)))
    stalls = StallWatch(config.kafka, projector.reading, config.stall_after, projector.stall)
    stalls.start()
    announce()
    try:
        projector.run()
    except Fenced as error:
        _log.error("%s", error)
        return 3
    finally:
        stalls.stop()
        if traces is not None:
            traces.close()
    if projector.stalled:
        _log.critical("the process ends: %s", projector.stalled)
        return EXIT_STALLED
    return 0


def _count(config: Config) -> int:
    known = AdminClient(dict(config.kafka)).list_topics(topics.EVENTS, timeout=20)
    return len(known.topics[topics.EVENTS].partitions)


def _partitions(text: str, count: int) -> tuple[int, ...]:
    if not text.strip():
        return tuple(range(count))
    try:
        chosen = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        chosen = ()
    if not chosen or chosen[0] < 0 or chosen[-1] >= count:
        raise ConfigError(
            f"RUNFOLD_PROJECTOR_PARTITIONS must list numbers from 0 to {count - 1}, such as 0,1; "
            f"not {text!r}."
        )
    return chosen


if __name__ == "__main__":
    sys.exit(main())
