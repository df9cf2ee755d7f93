"""What the wheel needs: every import is declared, and nothing that only tests use."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.docs.given import ROOT, modules
from tests.packaging.declared import BASE, EXTRAS, PACKAGES_OF_EXTRAS, TOOLS_OF_TESTS, names

# Where an extra's packages may be imported.
_ROOMS_OF_EXTRAS = {
    "a2a": ("surfaces/a2a",),
    "delivery": ("processors/delivery", "infra/http"),
    "http": ("infra/credentials/bearer", "surfaces/a2a", "surfaces/http", "surfaces/mcp"),
    "mcp": ("surfaces/mcp",),
    "monitor": ("processors/monitor/shell",),
    "sealing": ("infra/keys",),
    "embedded": ("stack", "processors/monitor/shell"),
}
# Packages whose objects the named one hands out; it requires them in one version that fits.
_PARTS = {
    "aiohttp": ["aiohttp", "faust-streaming"],
    "google": ["a2a-sdk"],
    "aiokafka": ["faust-streaming"],
    "mcp_types": ["mcp"],
    "mode": ["faust-streaming"],
    "pydantic_core": ["pydantic"],
}


def closure(requirements: Iterable[str]) -> set[str]:
    """The packages that pip installs for them here, as their own metadata says."""
    seen: set[tuple[str, str]] = set()
    todo = [
        (canonicalize_name(each.name), extra)
        for each in map(Requirement, requirements)
        for extra in ("", *each.extras)
    ]
    while todo:
        name, extra = todo.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for each in map(Requirement, distribution(name).requires or ()):
            if each.marker is None or each.marker.evaluate({"extra": extra}):
                todo += [(canonicalize_name(each.name), more) for more in ("", *each.extras)]
    return {name for name, _ in seen}


def pins(lock: str) -> dict[str, str]:
    """The versions that a lock names."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9_.-]+)==(\S+)", text, re.MULTILINE))


def imported(file: Path) -> Iterator[str]:
    """The top-level packages that a module imports from outside."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found = [node.module or ""]
        else:
            continue
        for name in found:
            top = name.partition(".")[0]
            if top != "runfold" and top not in sys.stdlib_module_names:
                yield top


def undeclared(file: Path, packages: dict[str, list[str]]) -> Iterator[str]:
    """The imports of a module for which it has no declared dependency."""
    place = str(file.relative_to(ROOT))
    allowed = names(BASE)
    for extra, rooms in _ROOMS_OF_EXTRAS.items():
        if place.startswith(rooms):
            allowed |= names(EXTRAS[extra])
    for top in imported(file):
        if not {canonicalize_name(name) for name in packages.get(top, ())} & allowed:
            yield f"{place}: {top}"


def test_every_import_is_a_declared_dependency() -> None:
    packages = {name: list(found) for name, found in packages_distributions().items()}
    packages |= _PARTS

    assert [line for file in modules() for line in undeclared(file, packages)] == []


def test_the_base_holds_neither_test_tools_nor_what_an_extra_is_for() -> None:
    assert closure(BASE) & (TOOLS_OF_TESTS | PACKAGES_OF_EXTRAS) == set()


@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_every_extra_has_a_room(extra: str) -> None:
    assert all((ROOT / room).is_dir() for room in _ROOMS_OF_EXTRAS[extra])


def test_the_image_holds_what_was_tested_and_no_test_tools() -> None:
    image, here = pins("requirements.lock"), pins("requirements-dev.lock")
    lines = [
        *BASE,
        *EXTRAS["a2a"],
        *EXTRAS["delivery"],
        *EXTRAS["http"],
        *EXTRAS["mcp"],
        *EXTRAS["monitor"],
    ]

    assert image.items() <= here.items()
    assert closure(lines) - {"runfold"} <= image.keys()
    assert image.keys() & TOOLS_OF_TESTS == set()


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_a_hash_for_every_package_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[a-z0-9_.-]+==)", text, flags=re.MULTILINE)[1:]

    assert len(blocks) == len(pins(lock)) > 50
    assert [block.split("\n", 1)[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert "://" not in text
