"""What is wrong with a manifest, and what is right but not honoured: always with its place."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from runfold.infra.documents import Remark

__all__ = ["InvalidManifestsError", "Remark", "UnacceptedRemarksError", "did_you_mean"]


class InvalidManifestsError(Exception):
    """Manifests that cannot be published; ``problems`` names every fault, in order of place."""

    def __init__(self, problems: Iterable[Remark]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UnacceptedRemarksError(InvalidManifestsError):
    """Manifests whose remarks need consent: they can be published once they are accepted."""

    def __init__(self, remarks: Iterable[Remark]) -> None:
        super().__init__(remarks)
        self.args = (f"{self}\n{ACCEPT}",)


_NEARLY = 0.75

ACCEPT = (
    "Nothing is published: what is named above was to protect somebody, or replaces an agent that "
    "runs. Change it, or accept it with --accept-remarks (accept_remarks over HTTP)."
)


def looks_mistyped(hint: str, wrong: str) -> bool:
    """Return whether what ``did_you_mean`` says names a word that is nearly the wrong one."""
    meant = hint.rpartition('Did you mean "')[2].removesuffix('"?')
    return bool(get_close_matches(wrong, [meant], n=1, cutoff=_NEARLY))


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return `` Did you mean "…"?`` for the nearest known name, or nothing."""
    near = get_close_matches(wrong, list(known), n=1)
    return f' Did you mean "{near[0]}"?' if near else ""
