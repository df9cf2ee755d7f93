"""Which Python functions can be tools at all, by their names: nothing is imported to tell."""

from __future__ import annotations

import sys


def refusal_of(implementation: str) -> str:
    """Return why ``python:<module>:<function>`` is never a tool, as a clause, or an empty text.

    Modules of the standard library hold no tools, whatever an operator lists, and names with
    double underscores lead out of a module into Python itself.
    """
    kind, _, target = implementation.partition(":")
    if kind != "python":
        return ""
    module, _, function = target.partition(":")
    if not module or not function:
        return f"{implementation} is not python:<module>:<function>"
    if module.partition(".")[0] in sys.stdlib_module_names | {"__main__"}:
        return f"{module} is a module of Python itself, and holds no tools"
    for name in (*module.split("."), *function.split(".")):
        if name.startswith("__") or not name.isidentifier():
            return f"{name or 'an empty name'} is not the name of a tool"
    return ""
