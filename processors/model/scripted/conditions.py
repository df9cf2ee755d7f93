"""The ``when`` of a script's turn: conditions on tool results, all of which must hold.

tool           look at the latest result of this tool; without it, at every result that came
               in since the model's last answer. No such result: the condition does not hold
is_error       whether one of them is an error
contains       a text that one of them holds
not_contains   a text that none of them holds
path           a path into the (last) result's JSON, for the next two
equals         the value at the path
above          the value at the path is a number greater than this
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runfold.processors.model.scripted.templates import Scope, Seen, TemplateError, follow

KNOWN = frozenset({"tool", "is_error", "contains", "not_contains", "path", "equals", "above"})
"""The names that a condition may have."""


def holds(when: Mapping[str, Any], scope: Scope) -> bool:
    """Return whether all conditions hold; TemplateError for one that is not known."""
    unknown = when.keys() - KNOWN
    if unknown:
        raise TemplateError(f"when: unknown condition {', '.join(sorted(unknown))}")
    seen = _looked_at(when, scope)
    return bool(seen) and all(_holds(name, when[name], seen, when) for name in sorted(when))


def _looked_at(when: Mapping[str, Any], scope: Scope) -> list[Seen]:
    if "tool" in when:
        found = scope.latest(when["tool"])
        return [found] if found else []
    return list(scope.results[-scope.fresh :]) if scope.fresh else []


def _holds(name: str, wanted: Any, seen: list[Seen], when: Mapping[str, Any]) -> bool:
    match name:
        case "is_error":
            return any(one.is_error for one in seen) == bool(wanted)
        case "contains":
            return any(str(wanted) in one.text for one in seen)
        case "not_contains":
            return not any(str(wanted) in one.text for one in seen)
        case "equals":
            return bool(_at(seen, when) == wanted)
        case "above":
            value = _at(seen, when)
            return isinstance(value, int | float) and value > wanted
        case _:
            return True


def _at(seen: list[Seen], when: Mapping[str, Any]) -> Any:
    path = str(when.get("path", ""))
    dotted = path if path.startswith("[") or not path else f".{path}"
    try:
        return follow(seen[-1].value, dotted)
    except (LookupError, TypeError):
        return None
