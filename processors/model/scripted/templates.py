"""Filling ``{{ … }}`` in a script from what the run has said and seen; nothing is evaluated.

    {{ goal }}  {{ message }}             the first and the last thing a person said
    {{ goal.file }}                       the first file name in the goal: with a dot, or quoted
    {{ last.result }}                     the last tool result, whole; also last.result.some.path,
                                          last.tool and last.is_error
    {{ results.logs.stats.levels.ERROR }} the latest result of tool logs.stats, by a path into it
    {{ results[0].lines }}                results in order of time; results[-1] is the last
    {{ results["logs.stats"].top[0] }}    names and keys may be quoted
    {{ last.result.count ?? 0 }}          with a JSON value to use where there is nothing

A string that is one placeholder keeps the JSON type of what it quotes; within other text, texts
stand as they are and anything else as JSON. What was quoted is not looked through again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from runfold.events.contents.content import JSON, Content, canonical_json

# None of these looks at a place twice: goals come from requesters, and are long.
_QUOTED_OR_WORD = re.compile(r"""["`“]([^"`“”\n]+)["`”]|((?<![\w./-])[\w./-]+)""")
_ENDING = re.compile(r"(?<=\w)\.[A-Za-z0-9]+")
_STEP = re.compile(r"""\.([\w-]+)|\[(-?\d+)\]|\["([^"]*)"\]""")


class TemplateError(Exception):
    """A script quotes something that is not there."""


class Seen:
    """One tool result of the run so far; ``value`` is its JSON, or its text where it has none."""

    def __init__(self, tool: str, said: Content | None, *, is_error: bool) -> None:
        self.tool = tool
        self.is_error = is_error
        self._said = said

    @cached_property
    def text(self) -> str:
        """The result as text; empty where it is held elsewhere."""
        data = self._said.inline if self._said else None
        return data.decode("utf-8", "replace") if data else ""

    @cached_property
    def value(self) -> Any:
        """The result as JSON where it is JSON."""
        if self._said is not None and self._said.media_type == JSON:
            try:
                return json.loads(self.text)
            except ValueError:
                return self.text
        return self.text


@dataclass(frozen=True, slots=True)
class Scope:
    """What a turn can quote: ``fresh`` of the results came in since the model's last answer."""

    goal: str = ""
    message: str = ""
    results: Sequence[Seen] = ()
    fresh: int = 0

    def latest(self, tool: str) -> Seen | None:
        """Return the latest result of a tool, or None."""
        return next((seen for seen in reversed(self.results) if seen.tool == tool), None)


def fill(value: Any, scope: Scope) -> Any:
    """Return a JSON value with every placeholder filled; TemplateError where one finds nothing."""
    match value:
        case str():
            return _fill_text(value, scope)
        case dict():
            return {key: fill(item, scope) for key, item in value.items()}
        case list() | tuple():
            return [fill(item, scope) for item in value]
        case _:
            return value


def _fill_text(value: str, scope: Scope) -> Any:
    whole = value.strip()
    if whole.startswith("{{") and whole.endswith("}}") and len(whole) > 4:
        inner = whole[2:-2]
        if "{{" not in inner:
            return quote(inner.strip(), scope)
    found: list[str] = []
    position = 0
    while (start := value.find("{{", position)) >= 0:
        # At least one character is quoted.
        end = value.find("}}", start + 3)
        if end < 0:
            break
        found += [value[position:start], _as_text(quote(value[start + 2 : end].strip(), scope))]
        position = end + 2
    return "".join([*found, value[position:]])


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value)


def quote(expression: str, scope: Scope) -> Any:
    """Return what one expression names; TemplateError where that is nothing."""
    path, otherwise, default = (part.strip() for part in expression.partition("??"))
    try:
        return _find(path, scope)
    except (LookupError, TypeError) as error:
        if otherwise:
            try:
                return json.loads(default)
            except ValueError:
                raise TemplateError(f"what follows ?? in {expression!r} is not JSON") from error
        raise TemplateError(f"{{{{ {expression} }}}} finds nothing") from error


def _find(path: str, scope: Scope) -> Any:
    if path == "goal":
        return scope.goal
    if path == "goal.file":
        named = _files(scope.goal)
        return next((name for name in named if "." in name), None) or named[0]
    if path == "message":
        return scope.message
    if path.startswith("results"):
        seen, rest = _result(path.removeprefix("results"), scope)
        return follow(seen.value, rest)
    seen = scope.results[-1]
    if path in {"last.tool", "last.is_error"}:
        return seen.tool if path == "last.tool" else seen.is_error
    if not path.startswith("last.result"):
        raise TemplateError(f"{path!r} begins with none of goal, message, last, results")
    return follow(seen.value, path.removeprefix("last.result"))


def _files(goal: str) -> list[str]:
    """Return what a goal names: texts in quotes, and words that end like a file's name."""
    found: list[str] = []
    for named in _QUOTED_OR_WORD.finditer(goal):
        if named[1]:
            found.append(named[1])
        elif endings := list(_ENDING.finditer(named[2])):
            found.append(named[2][: endings[-1].end()])
    return found


def _result(path: str, scope: Scope) -> tuple[Seen, str]:
    """Return the result that a path begins with, and the rest of the path into it."""
    if path.startswith("["):
        step = _STEP.match(path)
        if step is None:
            raise LookupError(path)
        found = scope.latest(step[3]) if step[2] is None else scope.results[int(step[2])]
        if found is None:
            raise LookupError(path)
        return found, path[step.end() :]
    fitting = [(seen, path.removeprefix(f".{seen.tool}")) for seen in scope.results]
    fitting = [
        (seen, rest) for seen, rest in fitting if rest != path and rest[:1] in {"", ".", "["}
    ]
    if not fitting:
        raise LookupError(path)
    # Tool names hold dots: the longest name that fits is meant, and of its results the latest.
    return max(reversed(fitting), key=lambda found: len(found[0].tool))


def follow(value: Any, path: str) -> Any:
    """Return what a path like ``.top[0].count`` names in a JSON value; LookupError for nothing."""
    position = 0
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            raise LookupError(path)
        if step[2] is not None and not isinstance(value, list):
            raise LookupError(path)
        value = value[int(step[2]) if step[2] is not None else step[1] or step[3]]
        position = step.end()
    return value
