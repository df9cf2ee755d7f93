"""From manifest files to published definitions."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from runfold.surfaces.cli.context import Context, kafka_of

if TYPE_CHECKING:
    from runfold.processors.definitions.publisher import Report
    from runfold.surfaces.manifests import Remark

WORKSPACE = "RUNFOLD_WORKSPACE"
_READ_S = 20.0


def apply_manifests(
    context: Context, paths: Iterable[Path], user: str
) -> tuple[Report, tuple[Remark, ...]]:
    """Publish what the files declare, and return what became of it and what to tell the author.

    Raises InvalidManifestsError with every fault, DefinitionStoreUnavailableError without a broker.
    """
    from runfold.processors.definitions.follower import DefinitionFollower
    from runfold.processors.definitions.kafka import KafkaDefinitionLog
    from runfold.processors.definitions.publisher import publish
    from runfold.processors.tool.builtin import builtin_contracts
    from runfold.processors.tool.settings import ToolSettings
    from runfold.surfaces.manifests import load
    from runfold.surfaces.manifests.bases import bases

    builtins = builtin_contracts()
    env = {WORKSPACE: str(workspace_of(context)), **os.environ}
    with DefinitionFollower(KafkaDefinitionLog(kafka_of(context), context.codec)) as store:
        manifests = load(
            paths,
            env=env,
            base_of=bases(builtins, ToolSettings.from_env(env).modules),
            builtins=builtins,
            published=store.complete(_READ_S),
        )
        report = publish(
            manifests.definitions,
            log=context.writer,
            store=store,
            by=user,
            now=datetime.now(UTC),
            timeout=_READ_S,
        )
    return report, manifests.remarks


def workspace_of(context: Context) -> Path:
    """Return the folder that the tools of examples work in; it is made if it is missing."""
    chosen = os.environ.get(WORKSPACE, "").strip()
    folder = Path(chosen).expanduser().absolute() if chosen else context.settings.home / "workspace"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
