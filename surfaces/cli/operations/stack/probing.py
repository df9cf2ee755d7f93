"""The probe as the command line makes it: with its own connections and publishing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from runfold.events.definitions import Definition, Definitions
from runfold.processors.definitions.follower import DefinitionFollower
from runfold.processors.definitions.kafka import KafkaDefinitionLog
from runfold.surfaces.application.governing.publish import declared, publish_for_probe
from runfold.surfaces.application.operations.probe import BOUND_S, Parts, probe
from runfold.surfaces.cli.context import Context, kafka_of

_READ_S = 20.0


def probed(
    context: Context, tell: Callable[[str], None] = lambda _: None, within_s: float = BOUND_S
) -> float:
    """Return how many seconds a run took from request to views; raises ProbeError."""

    def definitions() -> Definitions:
        with DefinitionFollower(KafkaDefinitionLog(kafka_of(context), context.codec)) as store:
            return store.complete(_READ_S)

    def load(paths: list[Path], known: Definitions, tenant: str) -> Sequence[Definition]:
        return declared(paths, {}, known, tenant).definitions

    def publish(definitions: list[Definition]) -> list[str]:
        return publish_for_probe(
            definitions,
            kafka=kafka_of(context),
            codec=context.codec,
            log=context.writer,
            by="runfold up",
        )

    parts = Parts(
        client=context.client("default", "me"),
        database_url=context.attached.database_url,
        definitions=definitions,
        load=load,
        publish=publish,
    )
    return probe(parts, within_s, tell)
