"""FULL_TRANSITIVE: every version of a subject reads and is read by every other."""

from __future__ import annotations

from itertools import combinations

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import parse

from runfold.events.avro.files import SchemaFolder


def incompatibilities(folder: SchemaFolder) -> list[str]:
    """Return one sentence for each pair of versions, in the direction that fails."""
    versions: dict[str, list[tuple[int, str]]] = {}
    for entry in folder.entries():
        versions.setdefault(entry.subject, []).append((entry.version, folder.text(entry)))
    problems = []
    for subject, known in versions.items():
        for (old, older), (new, newer) in combinations(known, 2):
            for reader, writer, text in (
                (newer, older, f"version {new} cannot read what version {old} wrote"),
                (older, newer, f"version {old} cannot read what version {new} wrote"),
            ):
                problems += [f"{subject}: {text}: {why}" for why in unreadable(reader, writer)]
    return problems


def unreadable(reader: str, writer: str) -> list[str]:
    """Return why a reader's schema cannot read what a writer's schema wrote; nothing if it can."""
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    result = checker.get_compatibility(parse(reader), parse(writer))
    if result.compatibility is SchemaCompatibilityType.compatible:
        return []
    return sorted(result.messages) or ["the schemas do not match"]
