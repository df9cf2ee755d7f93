"""Our tool names on the providers' wires, which allow only letters, digits, ``_`` and ``-``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from runfold.events.calls import ModelWork

_LONGEST = 64
_VALID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")


class ToolNames:
    """A reversible mapping for one request: ``files.read`` is ``files__read`` on the wire.

    A name that would be too long or would meet another's is cut and carries a hash of itself, so
    the same set of names gives the same wire names in every turn of a run, as prompt caches need.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._wire: dict[str, str] = {}
        self._ours: dict[str, str] = {}
        for name in sorted(set(names), key=lambda name: (not _VALID.fullmatch(name), name)):
            candidate = _FOREIGN.sub("__", name)
            if not 0 < len(candidate) <= _LONGEST or candidate in self._ours:
                candidate = f"{candidate[: _LONGEST - 13]}-{_fingerprint(name)}"
            self._wire[name] = candidate
            self._ours[candidate] = name
        changed = sorted((n for n in self._wire if n and n != self._wire[n]), key=len, reverse=True)
        self._changed = _words(changed) if changed else None

    def wire(self, name: str) -> str:
        """Return the wire name of a tool this mapping was built with; KeyError for any other."""
        return self._wire[name]

    def ours(self, wire: str) -> str:
        """Return our name, or the wire name itself where the model invented one."""
        return self._ours.get(wire, wire)

    def told(self, said: str) -> str:
        """Return what a tool call failed with, with the tools in it as the model knows them."""
        if self._changed is None:
            return said
        return self._changed.sub(lambda found: self._wire[found[0]], said)


def names_of(work: ModelWork) -> ToolNames:
    """Return the mapping for a call: the tools it offers and those its messages mention."""
    offered = (tool.name for tool in work.tools)
    mentioned = (call.name for message in work.messages for call in message.tool_calls)
    return ToolNames((*offered, *mentioned))


def _words(names: Iterable[str]) -> re.Pattern[str]:
    # Not within a longer name, a path or an address; a full stop may follow.
    either = "|".join(map(re.escape, names))
    return re.compile(rf"(?<![\w./@-])(?:{either})(?![\w/@-]|\.\w)")


def _fingerprint(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:12]
