"""What is wrong with a manifest, and what is right but not honoured: always with its place."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from runfold.infra.documents import Remark

__all__ = ["InvalidManifestsError", "Remark", "did_you_mean"]


class InvalidManifestsError(Exception):
    """Manifests that cannot be published; ``problems`` names every fault, in order of place."""

    def __init__(self, problems: Iterable[Remark]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return `` Did you mean "…"?`` for the nearest known name, or nothing."""
    near = get_close_matches(wrong, list(known), n=1)
    return f' Did you mean "{near[0]}"?' if near else ""
