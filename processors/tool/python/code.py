"""What a Python tool runs as: a digest of its code and of what that stands on.

It covers the source of the package that the tool's module is in (of the module alone where it is
in none), Python's minor version, and, where a distribution ships the module, the installed
versions of that distribution and of what it declares to need. Other installed packages do not
count: two machines that agree on a tool need not be equal.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import metadata
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@lru_cache(maxsize=256)
def code_digest(implementation: str) -> str | None:
    """Return the sha256, hexadecimal, of ``python:module:function``; None where it has no source.

    It is computed once: a process runs the code that it imported, whatever becomes of the files.
    """
    kind, _, target = implementation.partition(":")
    module = target.partition(":")[0]
    if kind != "python" or not module:
        return None
    return digest_of(module, sources_of(module))


def sources_of(module: str) -> Mapping[str, bytes]:
    """Return the source that a module's digest covers, as it is on disk now."""
    return dict(_sources(module))


def digest_of(module: str, files: Mapping[str, bytes]) -> str | None:
    """Return the digest of a module with this source, None where there is none."""
    if not files:
        return None
    total = hashlib.sha256()
    for line in (*_environment(module), *sorted(files)):
        total.update(f"{line}\n".encode())
        total.update(files.get(line, b""))
    return total.hexdigest()


def _sources(module: str) -> Iterator[tuple[str, bytes]]:
    """Yield the files that count, by their path within the package."""
    package = module.rpartition(".")[0] or module
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return
    if found is None:
        return
    for folder in found.submodule_search_locations or ():
        for path in Path(folder).rglob("*.py"):
            yield path.relative_to(folder).as_posix(), path.read_bytes()
    if not found.submodule_search_locations and found.origin:
        path = Path(found.origin)
        if path.suffix == ".py":
            yield path.name, path.read_bytes()


def _environment(module: str) -> Iterator[str]:
    yield f"python {sys.version_info.major}.{sys.version_info.minor}"
    for owner in sorted(set(owners().get(module.partition(".")[0], ()))):
        yield f"{owner} {metadata.version(owner)}"
        for needed in sorted(set(_declared(owner))):
            try:
                yield f"{needed} {metadata.version(needed)}"
            except metadata.PackageNotFoundError:
                yield f"{needed} absent"


@lru_cache(maxsize=1)
def owners() -> dict[str, list[str]]:
    """Return which distributions each package comes from."""
    return dict(metadata.packages_distributions())


def _declared(owner: str) -> Iterator[str]:
    for requirement in metadata.requires(owner) or ():
        named = _NAME.match(requirement)
        if named and "extra ==" not in requirement.partition(";")[2]:
            yield named[0].lower()
