"""``python -m tests.front.api``: write down the public names and signatures, to see them change."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import runfold
from runfold import testing

SNAPSHOT = Path(__file__).with_name("api.txt")


def lines() -> Iterator[str]:
    """Every public name with its signature; of a class, its public methods and fields too."""
    for module in (runfold, testing):
        for name in module.__all__:
            yield from _described(f"{module.__name__}.{name}", getattr(module, name))


def _described(name: str, found: Any) -> Iterator[str]:
    if inspect.ismodule(found):
        yield name
    elif not callable(found):
        yield f"{name} = {found}"
    elif not inspect.isclass(found):
        yield f"{name}{inspect.signature(found)}"
    else:
        bases = ", ".join(base.__name__ for base in found.__bases__ if base is not object)
        yield f"class {name}({bases})"
        yield from (f"  {line}" for line in sorted(_members(found)))


def _members(found: type) -> Iterator[str]:
    for name, field in getattr(found, "model_fields", {}).items():
        yield name if field.is_required() else f"{name} (optional)"
    for name, member in vars(found).items():
        if name.startswith("_") and name not in {"__init__", "__enter__", "__aenter__"}:
            continue
        if isinstance(member, property):
            yield f"{name}: property"
        elif isinstance(member, classmethod | staticmethod):
            yield f"{name}{inspect.signature(member.__func__)}"
        elif inspect.isfunction(member):
            yield f"{name}{inspect.signature(member)}"


def main() -> None:
    """Write the snapshot."""
    SNAPSHOT.write_text("\n".join(lines()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
