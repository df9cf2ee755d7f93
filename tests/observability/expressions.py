"""What names of metrics an expression for Prometheus holds."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

_STRINGS = re.compile(r'"[^"]*"')
_LABELS = re.compile(r"\{[^}]*\}|\b(?:by|without|on|ignoring|group_left|group_right) ?\([^)]*\)")
_NAME = re.compile(r"\b[a-z_][a-z0-9_]*\b(?!\s*\()")
_WORDS = {"by", "and", "or", "unless", "on", "bool", "offset", "without"}
# Not ours: Prometheus's own, and what prometheus-client says of a process.
FOREIGN = {"up", "process_cpu_seconds_total", "process_resident_memory_bytes"}


def names_in(expression: str) -> set[str]:
    """Every name of a metric in an expression."""
    bare = _LABELS.sub(" ", _STRINGS.sub('""', expression))
    bare = re.sub(r"\[[^\]]*\]", " ", bare)
    return set(_NAME.findall(bare)) - _WORDS


def unknown_names(expression: str, exported: AbstractSet[str]) -> set[str]:
    """The names in an expression that nothing exports."""
    return names_in(expression) - exported - FOREIGN
