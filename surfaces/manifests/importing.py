"""Imports one module of tools and says what a function in it declares: a program of its own.

Reads ``python:<module>:<function>`` on standard input and writes the contract, or what is wrong, as
JSON on standard output. The system ends it when it needs more time or memory than it may have.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
from typing import Any

from runfold.processors.tool.python.code import code_digest
from runfold.processors.tool.python.tools import contract_of

CPU_S = 30
MEMORY_BYTES = 4 * 1024**3


def described(implementation: str) -> dict[str, Any]:
    """Return ``{"contract": …}`` as JSON text of a contract, or ``{"fault": …}``."""
    _, module, function = implementation.split(":")
    try:
        found = contract_of(getattr(importlib.import_module(module), function))
        pinned = found.model_copy(update={"code_digest": code_digest(implementation)})
        # What its author did not say stays unsaid, so that apply can tell.
        return {"contract": pinned.model_dump_json(exclude_unset=True)}
    except BaseException as fault:  # noqa: BLE001 - a module may raise anything while imported
        return {"fault": f"{type(fault).__name__}: {fault}"}


def main() -> None:
    """Answer the question on standard input."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    implementation = sys.stdin.read().strip()
    # What the module prints while it is imported is no answer.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    json.dump(described(implementation), answer)
    answer.flush()
    # Threads and exit handlers of the module are not waited for.
    os._exit(0)


if __name__ == "__main__":
    main()
