"""Where schemas get their numbers: the port, and the registry that is a committed file."""

from __future__ import annotations

from typing import Protocol

from runfold.events.avro.files import SchemaFolder
from runfold.events.avro.schema import meaning_of
from runfold.events.errors import SchemaError, WireError


class SchemaRegistry(Protocol):
    """Numbers for schemas, as in the Confluent wire format."""

    def id_of(self, subject: str, schema: str) -> int:
        """Return a subject's schema's id; raises SchemaError if the subject does not hold it."""
        ...

    def schema_of(self, schema_id: int) -> str:
        """Return the schema of an id; raises WireError ``unknown_schema`` if there is none."""
        ...


class LockRegistry:
    """Ids from ``schemas/ids.lock``: no server, the same numbers in every checkout."""

    def __init__(self, folder: SchemaFolder | None = None) -> None:
        self._folder = folder or SchemaFolder()
        self._entries = self._folder.entries()
        self._by_id = {entry.id: entry for entry in self._entries}

    def id_of(self, subject: str, schema: str) -> int:
        """Return the id of the subject's version that says the same."""
        wanted = meaning_of(schema)
        for entry in reversed(self._entries):
            if entry.subject == subject and meaning_of(self._folder.text(entry)) == wanted:
                return entry.id
        raise SchemaError(
            f"schemas/ids.lock has no version of {subject} with this schema: "
            "run `python -m runfold.events.avro` and commit what it writes."
        )

    def schema_of(self, schema_id: int) -> str:
        """Return the schema that the lock gives this id."""
        entry = self._by_id.get(schema_id)
        if entry is None:
            raise WireError("unknown_schema", f"No schema has the id {schema_id}.")
        return self._folder.text(entry)
