"""What a built-in tool cannot do without."""

from __future__ import annotations

from runfold.events.definitions import ToolContract

_NEEDS = {
    "builtin:files.list": "root",
    "builtin:files.read": "root",
    "builtin:files.search": "root",
    "builtin:http.get": "allow",
    "builtin:logs.stats": "root",
    "builtin:report.write": "root",
}
_MEANS = {
    "root": "the folder it is confined to",
    "allow": "the domains it may ask",
}


def missing_setting(tool: ToolContract) -> str | None:
    """Return a sentence about the setting without which the tool refuses every call, or None."""
    needed = _NEEDS.get(tool.implementation)
    if needed is None or tool.config.get(needed):
        return None
    return f"{tool.implementation} needs spec.config.{needed}: {_MEANS[needed]}"
