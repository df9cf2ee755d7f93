"""Where a process takes schema ids from."""

from __future__ import annotations

from runfold.events.avro.registry import LockRegistry, SchemaRegistry


def registry_of(url: str) -> SchemaRegistry:
    """Return the schema registry at a URL, or the ids of the committed lock where there is none."""
    if not url:
        return LockRegistry()
    # Most deployments of one machine never need the HTTP client.
    from runfold.producers.schema_registry.confluent import ConfluentRegistry  # noqa: PLC0415

    return ConfluentRegistry(url)
