"""Whether a schema can be used: well formed, local, of bounded cost.

The same judgement holds where a contract is applied, where it is published and where it is
evaluated, so that no road leads around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from runfold.events.json_schema.bounds import (
    MAX_DEPTH,
    MAX_PATTERNS,
    MAX_SCHEMA_NODES,
    MAX_UNFOLDED,
    SchemaRefusedError,
)
from runfold.events.json_schema.keywords import DRAFT, FOREIGN, MAPS, ONE, SHAPES, SOME
from runfold.events.json_schema.patterns import pattern_of
from runfold.events.json_schema.references import place_of, target_of
from runfold.events.json_schema.values import depth_of

Path = tuple[str | int, ...]


class SchemaProblem(NamedTuple):
    """What is wrong with a schema, and where; the text is a clause."""

    path: Path
    text: str


def problems_of(schema: Any) -> list[SchemaProblem]:
    """Return everything that is wrong with a schema, in its own order."""
    if not isinstance(schema, dict | bool):
        return [SchemaProblem((), "a schema is an object")]
    if depth_of(schema) > 2 * MAX_DEPTH:
        return [SchemaProblem((), f"it is nested deeper than {2 * MAX_DEPTH} levels")]
    return _Judge(schema).problems()


class _Judge:
    def __init__(self, root: Any) -> None:
        self._root = root
        self._found: list[SchemaProblem] = []
        self._seen: dict[int, Path] = {}
        self._booleans = self._patterns = 0

    def problems(self) -> list[SchemaProblem]:
        waiting: list[tuple[Any, Path]] = [(self._root, ())]
        while waiting:
            schema, path = waiting.pop()
            if isinstance(schema, bool):
                self._booleans += 1
                continue
            if id(schema) in self._seen:
                continue
            if not isinstance(schema, dict):
                self._note(path, "a schema is an object, or true or false")
                continue
            self._seen[id(schema)] = path
            nodes = len(self._seen) + self._booleans + len(waiting)
            if len(path) > 2 * MAX_DEPTH or nodes > MAX_SCHEMA_NODES:
                self._note(path, f"it has more than {MAX_SCHEMA_NODES:,} schemas, or too deep ones")
                break
            named = schema.get("patternProperties")
            self._patterns += len(named) if isinstance(named, dict) else 0
            if self._patterns > MAX_PATTERNS:
                self._note(path, f"it has more than {MAX_PATTERNS} patterns of names")
                break
            self._judge(schema, path)
            inner = list(self._inner(schema, path))
            waiting += reversed(inner)
        if not self._found:
            self._unfold()
        return self._found

    def _note(self, path: Path, text: str) -> None:
        self._found.append(SchemaProblem(path, text))

    def _judge(self, schema: Mapping[str, Any], path: Path) -> None:
        for name, rule in schema.items():
            if name == "$schema" and rule not in DRAFT:
                self._note((*path, name), "only draft 2020-12 is evaluated")
            elif name == "$id" and path:
                self._note((*path, name), "a schema within a schema has no $id here")
            elif name in FOREIGN:
                self._note((*path, name), f"{name} is not taken: refer by $ref to #/$defs/...")
            elif name in SHAPES and (said := SHAPES[name](rule)):
                self._note((*path, name), said)
            elif name == "pattern":
                self._judge_pattern(rule, (*path, name))
            elif name == "patternProperties" and isinstance(rule, dict):
                for each in rule:
                    self._judge_pattern(each, (*path, name, each))

    def _judge_pattern(self, source: object, path: Path) -> None:
        if not isinstance(source, str):
            self._note(path, "a pattern is a text")
            return
        try:
            pattern_of(source)
        except SchemaRefusedError as refused:
            self._note(path, str(refused))

    def _inner(self, schema: Mapping[str, Any], path: Path) -> Iterator[tuple[Any, Path]]:
        for name, rule in schema.items():
            if name in ONE:
                yield rule, (*path, name)
            elif name in SOME and isinstance(rule, list):
                yield from ((each, (*path, name, at)) for at, each in enumerate(rule))
            elif name in MAPS and isinstance(rule, dict):
                yield from ((each, (*path, name, key)) for key, each in rule.items())
            elif name == "$ref" and isinstance(rule, str):
                try:
                    yield target_of(self._root, rule), place_of(rule)
                except SchemaRefusedError as refused:
                    self._note((*path, name), str(refused))

    def _unfold(self) -> None:
        """Note a schema that refers to itself without going deeper, or unfolds to very many."""
        weights: dict[int, int] = {}
        opened: set[int] = set()
        waiting: list[Any] = [self._root]
        every = {id(self._root): self._root}
        while waiting:
            schema = waiting[-1]
            key = id(schema)
            if not isinstance(schema, dict) or key in weights:
                waiting.pop()
                continue
            here = [each for each in _in_place(self._root, schema) if isinstance(each, dict)]
            if key not in opened:
                opened.add(key)
                if any(id(each) in opened and id(each) not in weights for each in here):
                    text = "it refers to itself without going deeper into the value"
                    self._note(self._seen.get(key, ()), text)
                    return
                waiting += here
                continue
            waiting.pop()
            weights[key] = 1 + sum(weights.get(id(each), 0) for each in here)
            if weights[key] > MAX_UNFOLDED:
                text = f"it unfolds to more than {MAX_UNFOLDED:,} schemas for one value"
                self._note(self._seen.get(key, ()), text)
                return
            for each, _ in self._inner(schema, ()):
                if isinstance(each, dict) and id(each) not in every:
                    every[id(each)] = each
                    waiting.insert(0, each)


def _in_place(root: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
    """Yield what the same place of a value has to meet as well."""
    for name in ("allOf", "anyOf", "oneOf"):
        yield from schema.get(name, ())
    for name in ("not", "if", "then", "else"):
        if name in schema:
            yield schema[name]
    yield from schema.get("dependentSchemas", {}).values()
    if "$ref" in schema:
        yield target_of(root, schema["$ref"])
