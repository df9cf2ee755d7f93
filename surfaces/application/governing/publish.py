"""Publish: from manifest files to definitions in the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from runfold.events.avro.codec import Codec
from runfold.processors.definitions.follower import DefinitionFollower
from runfold.processors.definitions.kafka import KafkaDefinitionLog
from runfold.processors.definitions.publisher import Author, Report, publish
from runfold.processors.tool.builtin import builtin_contracts
from runfold.processors.tool.settings import CodeCheck, ToolSettings
from runfold.producers.log.port import LogWriter
from runfold.surfaces.manifests import Remark, load
from runfold.surfaces.manifests.bases import bases

_READ_S = 20.0


def publish_manifests(
    paths: Iterable[Path],
    *,
    kafka: Mapping[str, str],
    codec: Codec,
    log: LogWriter,
    env: Mapping[str, str],
    by: str,
    tenant: str | None = None,
) -> tuple[Report, tuple[Remark, ...]]:
    """Publish what files declare; return the result, and what its author should know.

    ``env`` is what manifests may refer to and the settings of tools, ``by`` who publishes; the
    definitions belong to ``tenant``, or to all. Raises InvalidManifestsError with every fault,
    DefinitionStoreUnavailableError without a broker.
    """
    builtins, settings = builtin_contracts(), ToolSettings.from_env(env)
    with DefinitionFollower(KafkaDefinitionLog(kafka, codec)) as store:
        manifests = load(
            paths,
            env=env,
            base_of=bases(builtins, settings.modules),
            builtins=builtins,
            published=store.complete(_READ_S),
            tenant=tenant,
        )
        report = publish(
            manifests.definitions,
            log=log,
            store=store,
            author=Author(
                by, datetime.now(UTC), tenant, pins_code=settings.code is CodeCheck.REFUSE
            ),
            timeout=_READ_S,
        )
    return report, manifests.remarks
