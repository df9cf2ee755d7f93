"""The committed schemas: a folder a subject, a file a version, and the lock that numbers them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runfold.events.errors import SchemaError

SCHEMAS = Path(__file__).parents[2] / "schemas"
"""Where they are: beside this package, in a checkout and in an installed wheel alike."""

DRAFT = "draft"

_HEAD = "# subject, version, id, and the sha256 of the released schema with its golden sample\n"


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of one subject; ``digest`` is ``draft`` until the version is released."""

    subject: str
    version: int
    id: int
    digest: str = DRAFT

    @property
    def released(self) -> bool:
        """Whether its files may never change again."""
        return self.digest != DRAFT


@dataclass(frozen=True, slots=True)
class SchemaFolder:
    """A folder of schemas."""

    root: Path = SCHEMAS

    def schema_file(self, subject: str, version: int) -> Path:
        """Return where a version's schema is."""
        return self.root / subject / f"{version}.avsc"

    def golden_file(self, subject: str, version: int, kind: str) -> Path:
        """Return where a version's sample is: ``bin`` its Avro bytes, ``json`` what they say."""
        return self.root / "golden" / subject / f"{version}.{kind}"

    def text(self, entry: Entry) -> str:
        """Return a version's schema; raises SchemaError if its file is missing."""
        file = self.schema_file(entry.subject, entry.version)
        try:
            return file.read_text(encoding="utf-8")
        except OSError as error:
            raise SchemaError(
                f"{entry.subject} version {entry.version} has no file in {self.root}: "
                "check the schemas folder out again, or run `python -m runfold.events.avro`."
            ) from error

    def schema(self, entry: Entry) -> Any:
        """Return a version's schema as the JSON value it is."""
        return json.loads(self.text(entry))

    def digest(self, subject: str, version: int) -> str:
        """Return the sha256 over a version's schema and golden sample; raises OSError."""
        whole = hashlib.sha256(self.schema_file(subject, version).read_bytes())
        for kind in ("bin", "json"):
            whole.update(self.golden_file(subject, version, kind).read_bytes())
        return whole.hexdigest()

    def entries(self) -> tuple[Entry, ...]:
        """Return what the lock lists, oldest version first within a subject; raises SchemaError."""
        file = self.root / "ids.lock"
        if not file.exists():
            return ()
        lines = file.read_text(encoding="utf-8").splitlines()
        return tuple(_entry(line) for line in lines if line and not line.startswith("#"))

    def write_entries(self, entries: tuple[Entry, ...]) -> None:
        """Replace the lock."""
        ordered = sorted(entries, key=lambda entry: (entry.subject, entry.version))
        (self.root / "ids.lock").write_text(_lock_text(ordered), encoding="utf-8")


def _lock_text(entries: list[Entry]) -> str:
    return _HEAD + "".join(
        f"{entry.subject} {entry.version} {entry.id} {entry.digest}\n" for entry in entries
    )


def _entry(line: str) -> Entry:
    try:
        subject, version, number, digest = line.split()
        return Entry(subject, int(version), int(number), digest)
    except ValueError as error:
        raise SchemaError(
            f"schemas/ids.lock has the line {line!r}, which is not `subject version id digest`: "
            "check the file out again."
        ) from error
