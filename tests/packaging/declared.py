"""What pyproject.toml declares that Runfold needs."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.docs.given import ROOT

_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

BASE: tuple[str, ...] = tuple(_PROJECT["project"]["dependencies"])
EXTRAS: dict[str, list[str]] = _PROJECT["project"]["optional-dependencies"]


def names(requirements: Iterable[str]) -> set[str]:
    """The packages of a list of requirements, those of an extra of ours included."""
    found = set()
    for each in map(Requirement, requirements):
        if each.name == "runfold":
            found |= names(line for extra in each.extras for line in EXTRAS[extra])
        else:
            found.add(canonicalize_name(each.name))
    return found


TOOLS_OF_TESTS = names(
    line for line in _PROJECT["dependency-groups"]["dev"] if isinstance(line, str)
)
PACKAGES_OF_EXTRAS = names(line for lines in EXTRAS.values() for line in lines)
