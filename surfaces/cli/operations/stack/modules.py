"""Modules of tools that cannot be used, on the screen of ``up`` and ``status``."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runfold.stack.settings import Settings
    from runfold.stack.tool_modules import ToolModules

_IMPORT_S = 15.0
_LOOK_S = 0.1

MEND = "Mend the module; it is tried again within 5 minutes, or `runfold restart tools runs` now."


def imported(settings: Settings, tell: Callable[[str], None]) -> ToolModules:
    """Return what processes say of their modules once all are imported, or it takes too long."""
    from runfold.stack import control
    from runfold.stack.tool_modules import ToolModules, tool_modules

    until, told = time.monotonic() + _IMPORT_S, False
    while True:
        known = control.status(settings)
        found = tool_modules(known) if known is not None else ToolModules()
        if not found.importing or time.monotonic() > until:
            return found
        if not told:
            told = True
            tell(f"importing {', '.join(found.importing)}")
        time.sleep(_LOOK_S)
