"""What a tool manifest can be built on: built-in tools, and functions marked as tools."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterable

from runfold.events.definitions import ToolContract
from runfold.processors.tool.python.code import code_digest
from runfold.processors.tool.python.tools import contract_of
from runfold.surfaces.manifests.tool import BaseOf, UnusableBaseError


def bases(builtins: Iterable[ToolContract], modules: Collection[str] = ()) -> BaseOf:
    """Return a look-up of what the implementations say of themselves.

    Only ``modules`` and what is inside them is imported; any other Python tool is unknown here,
    and its manifest must say everything.
    """
    shipped = {each.implementation: each for each in builtins}

    def base_of(implementation: str) -> ToolContract | None:
        if not implementation.startswith("python:"):
            return shipped.get(implementation)
        _, module, function = implementation.split(":")
        if not any(module == each or module.startswith(f"{each}.") for each in modules):
            return None
        try:
            found = contract_of(getattr(importlib.import_module(module), function))
            return found.model_copy(update={"code_digest": code_digest(implementation)})
        except Exception as fault:
            said = f"{implementation} cannot be used: {type(fault).__name__}: {fault}"
            raise UnusableBaseError(said) from fault

    return base_of
