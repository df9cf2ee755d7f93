"""The committed schemas, and the registry where one is configured."""

from __future__ import annotations

from collections.abc import Iterator

from runfold.events.avro.compatibility import incompatibilities
from runfold.events.avro.files import SchemaFolder
from runfold.events.avro.releases import drift
from runfold.events.errors import EventsError
from runfold.producers.schema_registry.confluent import ConfluentRegistry
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Finding, note, ok, wrong


def check(deployment: Deployment) -> Iterator[Finding]:
    """Find schemas that drifted, do not fit each other, or are not in the registry."""
    folder = SchemaFolder()
    problems = [*drift(folder), *incompatibilities(folder)]
    for problem in problems:
        yield wrong("schemas", problem, "`runfold schemas check`; install the release again")
    if not problems:
        yield ok("schemas", f"{len(folder.entries())} schemas are as they were released")
    if deployment.registry_url:
        yield _registry(deployment.registry_url, folder)
    else:
        yield note("registry", "none is configured: ids come from the committed schemas/ids.lock")


def _registry(url: str, folder: SchemaFolder) -> Finding:
    registry = ConfluentRegistry(url, folder)
    lacking: list[str] = []
    try:
        for entry in folder.entries():
            try:
                registry.id_of(entry.subject, folder.text(entry))
            except EventsError as error:
                # Where it does not answer once it will not answer the next sixty times.
                if not lacking and "does not hold" not in str(error):
                    return wrong("registry", str(error), "start it, or correct SCHEMA_REGISTRY_URL")
                lacking.append(f"{entry.subject} {entry.version}")
    finally:
        registry.close()
    if lacking:
        return wrong(
            "registry",
            f"it lacks {len(lacking)} schemas, such as {lacking[0]}",
            "`runfold schemas publish --registry URL`",
        )
    return ok("registry", "it holds every schema")
