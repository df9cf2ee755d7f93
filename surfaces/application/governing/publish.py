"""Publish: from manifest files to definitions in the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from runfold.events.avro.codec import Codec
from runfold.events.definitions import Definition, Definitions
from runfold.events.probe import PROBE_TENANT, reserved
from runfold.processors.definitions.follower import DefinitionFollower
from runfold.processors.definitions.kafka import KafkaDefinitionLog
from runfold.processors.definitions.publisher import Author, Report, publish
from runfold.processors.tool.builtin import builtin_contracts
from runfold.processors.tool.settings import CodeCheck, ToolSettings
from runfold.producers.log.port import LogWriter
from runfold.surfaces.application.errors import InvalidError
from runfold.surfaces.manifests import Manifests, Remark, load
from runfold.surfaces.manifests.bases import bases
from runfold.surfaces.manifests.load import Unusable

_READ_S = 20.0


def publish_manifests(  # noqa: PLR0913 - what a command line knows beside the files
    paths: Iterable[Path],
    *,
    kafka: Mapping[str, str],
    codec: Codec,
    log: LogWriter,
    env: Mapping[str, str],
    by: str,
    roles: tuple[str, ...] = (),
    tenant: str | None = None,
    unusable: Unusable = lambda _module: "",
    accept_remarks: bool = False,
    dry_run: bool = False,
) -> tuple[Report, tuple[Remark, ...]]:
    """Publish what files declare; return the result, and what its author should know.

    ``env`` is what manifests may refer to and the settings of tools, ``by`` who publishes,
    in these ``roles``; the definitions belong to ``tenant``, or to all. ``unusable`` says why the
    tools of a module would not work where they run. ``accept_remarks`` is the author's consent to
    what is not honoured although it was to protect somebody; ``dry_run`` only says what would be
    published. Raises InvalidManifestsError with every fault,
    InvalidError for a tenant or a name that is reserved, DefinitionStoreUnavailableError without a
    broker.
    """
    need_free(tenant)
    settings = ToolSettings.from_env(env)
    with DefinitionFollower(KafkaDefinitionLog(kafka, codec)) as store:
        known = store.complete(_READ_S)
        manifests = declared(paths, env, known, tenant, unusable, accept_remarks=accept_remarks)
        need_free(tenant, *(each.name for each in manifests.definitions))
        report = publish(
            manifests.definitions,
            log=log,
            store=store,
            author=Author(
                by,
                datetime.now(UTC),
                tenant,
                pins_code=settings.code is CodeCheck.REFUSE,
                roles=roles,
            ),
            timeout=_READ_S,
            dry_run=dry_run,
        )
    return report, manifests.remarks


def publish_for_probe(
    definitions: Sequence[Definition],
    *,
    kafka: Mapping[str, str],
    codec: Codec,
    log: LogWriter,
    by: str,
) -> list[str]:
    """Publish the definitions of Runfold's own probe; return why any of them was refused."""
    author = Author(by, datetime.now(UTC), PROBE_TENANT)
    with DefinitionFollower(KafkaDefinitionLog(kafka, codec)) as store:
        report = publish(definitions, log=log, store=store, author=author, timeout=_READ_S)
    return [f"{each.key}: {each.reason}" for each in report.refused]


def declared(
    paths: Iterable[Path],
    env: Mapping[str, str],
    published: Definitions,
    tenant: str | None = None,
    unusable: Unusable = lambda _module: "",
    *,
    accept_remarks: bool = False,
) -> Manifests:
    """Return what files declare, checked; raises InvalidManifestsError with every fault."""
    builtins, settings = builtin_contracts(), ToolSettings.from_env(env)
    return load(
        paths,
        env=env,
        base_of=bases(builtins, settings.modules),
        builtins=builtins,
        published=published,
        tenant=tenant,
        unusable=unusable,
        accept_remarks=accept_remarks,
    )


def need_free(tenant: str | None, *names: str) -> None:
    """Raise InvalidError for a tenant or a name that only Runfold's own probe may use."""
    if why := reserved(tenant, *names):
        raise InvalidError(f"{why}.")
