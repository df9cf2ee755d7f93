"""The probe as the command line makes it: with its own connections and publishing."""

from __future__ import annotations

from collections.abc import Callable

from runfold.surfaces.application.operations.probe import Parts, probe
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.publishing import apply_manifests


def probed(context: Context, tell: Callable[[str], None] = lambda _: None) -> float:
    """Return how many seconds a run took from request to views; raises ProbeError."""
    parts = Parts(
        client=context.client("default", "me"),
        engine=context.engine,
        publish=lambda paths, tenant: apply_manifests(context, paths, "runfold up", tenant),
    )
    return probe(parts, tell=tell)
