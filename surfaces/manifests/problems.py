"""What is wrong with a manifest, and what is right but not honoured: always with its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True, order=True)
class Remark:
    """A sentence about one field of a file; ``line`` counts from 1, ``field`` may be empty."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        """Return ``file:line: field: message``."""
        where = f"{self.file}:{self.line}: "
        return where + (f"{self.field}: {self.message}" if self.field else self.message)


class InvalidManifestsError(Exception):
    """Manifests that cannot be published; ``problems`` names every fault, in order of place."""

    def __init__(self, problems: Iterable[Remark]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return `` Did you mean "…"?`` for the nearest known name, or nothing."""
    near = get_close_matches(wrong, list(known), n=1)
    return f' Did you mean "{near[0]}"?' if near else ""
