"""``python -m runfold.processors.model``: a pool that makes the calls of the topic model.calls.

SIGTERM ends it after the calls in flight. Its exit codes are those of every process.
"""

from __future__ import annotations

import sys

from runfold.infra.artifacts.files import FileArtifacts
from runfold.infra.artifacts.sealed import SealedArtifacts
from runfold.infra.process.runner import Process, serve
from runfold.processors.definitions.following import following
from runfold.processors.definitions.sealing import sealing_codec, told
from runfold.processors.effects.kinds import Served
from runfold.processors.effects.pool.serving import POOL_ENDS, serve_pool
from runfold.processors.effects.pool.settings import POOL_OPTIONS
from runfold.processors.effects.under_way import UnderWay, always
from runfold.processors.model.deltas import deltas_where_on
from runfold.processors.model.kind import MODEL_CALL
from runfold.processors.model.processor import ModelProcessor
from runfold.processors.model.providers.settings import ModelSettings
from runfold.producers.schema_registry.chosen import registry_of


def main() -> int:
    """Run a pool with the settings of the environment and return its exit code."""
    return serve(
        "runfold-models",
        lambda _config: ModelSettings.from_environment(),
        _work,
        POOL_ENDS,
        options=POOL_OPTIONS,
    )


def _work(process: Process, settings: ModelSettings) -> int:
    config = process.config
    codec = sealing_codec(registry_of(config.schema_registry_url), process.taken.values)
    with following(config.kafka, codec) as known:
        fetch = None
        if config.home:
            fetch = SealedArtifacts(FileArtifacts(config.home / "artifacts"), codec.sealing).get
        deltas = deltas_where_on(config.kafka, codec)
        models = ModelProcessor(settings, known.script, fetch, refresh=known.refresh, deltas=deltas)
        under_way = UnderWay(config.drain_s)
        process.health.reports["keys"] = told(codec)
        process.health.reports["calls"] = under_way.told
        process.health.reports["left_alone"] = models.left_alone
        made = Served(MODEL_CALL, models.call, ready=models.ready, group=models.group)
        served = under_way.over(made, always)
        resources = (models,) if deltas is None else (deltas, models)
        return serve_pool(process, served, codec, known.reading, resources)


if __name__ == "__main__":
    sys.exit(main())
