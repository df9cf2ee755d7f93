"""A document: plain values, where each of them stands, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

FieldPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Remark:
    """A sentence about one field of a file; ``line`` counts from 1, ``field`` may be empty.

    ``consent`` says that it must be accepted: what it tells of was to protect somebody.
    """

    file: str
    line: int
    field: str
    message: str
    consent: bool = False

    def __str__(self) -> str:
        """Return ``file:line: field: message``."""
        where = f"{self.file}:{self.line}: "
        return where + (f"{self.field}: {self.message}" if self.field else self.message)


def dotted(path: FieldPath) -> str:
    """Return a path as people write it: ``spec.tools[0].name``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(slots=True)
class Document:
    """One YAML document: plain values, and the line of each of them by its path.

    ``bare`` says that it was written without the envelope that manifests have.
    """

    file: str
    data: Any = None
    lines: dict[FieldPath, int] = field(default_factory=dict)
    problems: list[Remark] = field(default_factory=list)
    bare: bool = False

    def line(self, path: FieldPath) -> int:
        """Return the line of a field, or of the nearest thing around it that is written down."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)

    def remark(self, path: FieldPath, message: str, *, consent: bool = False) -> Remark:
        """Return a sentence about a field of this document."""
        return Remark(self.file, self.line(path), dotted(path), message, consent)

    def refuse(self, path: FieldPath, message: str) -> None:
        """Note that a field is wrong."""
        self.problems.append(self.remark(path, message))
