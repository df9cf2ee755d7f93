"""The probe as the command line makes it: with its own connections and publishing."""

from __future__ import annotations

from collections.abc import Callable

from runfold.events.definitions import Definitions
from runfold.processors.definitions.follower import DefinitionFollower
from runfold.processors.definitions.kafka import KafkaDefinitionLog
from runfold.surfaces.application.operations.probe import BOUND_S, Parts, probe
from runfold.surfaces.cli.context import Context, kafka_of
from runfold.surfaces.cli.publishing import apply_manifests

_READ_S = 20.0


def probed(
    context: Context, tell: Callable[[str], None] = lambda _: None, within_s: float = BOUND_S
) -> float:
    """Return how many seconds a run took from request to views; raises ProbeError."""

    def definitions() -> Definitions:
        with DefinitionFollower(KafkaDefinitionLog(kafka_of(context), context.codec)) as store:
            return store.complete(_READ_S)

    parts = Parts(
        client=context.client("default", "me"),
        database_url=context.attached.database_url,
        definitions=definitions,
        publish=lambda paths, tenant: apply_manifests(context, paths, "runfold up", tenant),
    )
    return probe(parts, within_s, tell)
