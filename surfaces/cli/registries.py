"""Where the command line takes schema ids from."""

from __future__ import annotations

from events.avro.registry import LockRegistry, SchemaRegistry
from stack.settings import Settings


def registry_of(settings: Settings) -> SchemaRegistry:
    """Return the registry that is configured: a server by its URL, else the committed lock."""
    if settings.schema_registry_url:
        from producers.registry import ConfluentRegistry

        return ConfluentRegistry(settings.schema_registry_url)
    return LockRegistry()
