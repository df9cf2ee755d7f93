"""``tenant erase`` and ``tenant retain``: the steps on the screen, and what is left to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from runfold.infra.artifacts.files import FileArtifacts
from runfold.processors.definitions.sealing import reading_codec
from runfold.projections.store.reading.reader import ReaderConfig
from runfold.projections.store.rebuild import rebuild
from runfold.projections.views import VIEWS
from runfold.surfaces.application.governing.erasing import Beside, Step, erase
from runfold.surfaces.application.governing.retaining import Kept, retain
from runfold.surfaces.application.governing.sealing import Keeping
from runfold.surfaces.cli import output
from runfold.surfaces.cli.context import Context, kafka_of


def erased(context: Context, keeping: Keeping, tenant: str) -> bool:
    """Erase a tenant and return whether nothing is left to do."""
    return _told(erase(keeping, tenant, _beside(context)))


def retained(context: Context, keeping: Keeping, tenant: str, kept: Kept) -> bool:
    """Destroy what is older than declared and return whether nothing is left to do."""
    with context.engine.connect() as connection:
        return _told(retain(keeping, tenant, kept, connection, _beside(context)))


def _told(steps: Iterable[Step]) -> bool:
    console, whole = output.console(), True
    for step in steps:
        if step.done:
            console.print(f"{step.what:<10} {step.done}", markup=False)
        if step.left:
            whole = False
            console.print(f"{step.what:<10} left: {step.left}", style="bold red", markup=False)
    if not whole:
        console.print("The data keys are destroyed; run this again for what is left.")
    return whole


def _beside(context: Context) -> Beside:
    artifacts = FileArtifacts(context.settings.home / "artifacts")
    return Beside(context.engine.connect, artifacts, list(VIEWS), _rebuilding(context))


def _rebuilding(context: Context) -> Callable[[str], int]:
    def again(name: str) -> int:
        # A codec of its own: it reads the keys anew, and finds those gone that were destroyed.
        codec = reading_codec(context.codec.registry, context.log_settings.kafka_config)
        reader = ReaderConfig(kafka_of(context))
        return rebuild(name, context.attached.database_url, reader, codec).changed

    return again
