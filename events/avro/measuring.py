"""How much a value holds, found before anything is built of it.

Schemas come with the values of strangers. One that contains itself is read by recursion without
end, down to a crash of the process; a list of items without bytes has as many as its count says;
and a byte can stand for a record of half a kilobyte. So a schema is judged first, and its values
are counted by walking over their bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

_MOST_LEVELS = 64
_LONG_BYTES = 10
_NEVER_SHORTER = {"null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8}
_SIZED = frozenset({"bytes", "string"})


class UnsafeSchemaError(ValueError):
    """A schema whose values cannot be bounded by their bytes."""


class UnreadableValueError(ValueError):
    """Bytes that are no value of their schema, or hold more than may be."""


class Tally:
    """How many values were passed, of at most ``most``."""

    __slots__ = ("_most", "passed")

    def __init__(self, most: int) -> None:
        self._most = most
        self.passed = 0

    def count(self, values: int = 1) -> None:
        """Count values; raises UnreadableValueError for more than may be."""
        self.passed += values
        if self.passed > self._most:
            raise UnreadableValueError(f"more than {self._most} values")


Pass = Callable[[bytes, int, Tally], int]
"""Passes over a value at a place and returns the place after it; raises UnreadableValueError."""


class Measure(NamedTuple):
    """How values of a schema are passed over, and the fewest bytes that one takes."""

    past: Pass
    least: int


def measure_of(schema: Any) -> Measure:
    """Return the measure of a schema as ``fastavro.parse_schema`` gives it.

    Raises UnsafeSchemaError.
    """
    return _Measuring(schema.get("__named_schemas", {})).of(schema, ())


def number(data: bytes, at: int) -> tuple[int, int]:
    """Return the Avro long at a place and the place after it; raises UnreadableValueError."""
    raw = shift = 0
    for place, byte in enumerate(data[at : at + _LONG_BYTES], start=at + 1):
        raw |= (byte & 127) << shift
        if byte < 128:
            return (raw >> 1) ^ -(raw & 1), place
        shift += 7
    raise UnreadableValueError("it ends inside a number, or the number is too long")


def sized(data: bytes, at: int) -> tuple[bytes, int]:
    """Return the bytes that a size at a place announces, and the place after them."""
    size, start = number(data, at)
    end = _within(data, start, size)
    return data[start:end], end


def _within(data: bytes, at: int, size: int) -> int:
    if not 0 <= size <= len(data) - at:
        raise UnreadableValueError("it ends inside a value")
    return at + size


class _Measuring:
    def __init__(self, named: Mapping[str, Any]) -> None:
        self._named = named

    def of(self, schema: Any, within: tuple[str, ...]) -> Measure:
        """Return the measure of a schema that stands ``within`` others, outermost first."""
        if len(within) > _MOST_LEVELS:
            raise UnsafeSchemaError(f"a schema of more than {_MOST_LEVELS} levels")
        if isinstance(schema, list):
            return self._union(schema, within)
        if isinstance(schema, str) and schema in self._named:
            schema = self._named[schema]
        kind = schema if isinstance(schema, str) else schema["type"]
        if isinstance(kind, dict | list):
            return self.of(kind, (*within, ""))
        if kind in _SIZED:
            return Measure(_past_sized, 1)
        if kind in _NEVER_SHORTER:
            least = _NEVER_SHORTER[kind]
            return Measure(_past_number if kind in {"int", "long"} else _past_fixed(least), least)
        return self._complex(kind, schema, within)

    def _complex(self, kind: str, schema: dict[str, Any], within: tuple[str, ...]) -> Measure:
        match kind:
            case "record" | "error":
                name = schema["name"]
                if name in within:
                    raise UnsafeSchemaError(f"{name} contains itself")
                parts = [self.of(each["type"], (*within, name)) for each in schema["fields"]]
                return Measure(
                    _past_each([part.past for part in parts]), sum(part.least for part in parts)
                )
            case "enum":
                return Measure(_past_number, 1)
            case "fixed":
                return Measure(_past_fixed(schema["size"]), schema["size"])
            case "array":
                return self._items(self.of(schema["items"], (*within, "")))
            case "map":
                values = self.of(schema["values"], (*within, ""))
                return self._items(Measure(_past_each([_past_sized, values.past]), 1))
            case _:
                raise UnsafeSchemaError(f"the type {kind!r} is not known"[:80])

    def _items(self, item: Measure) -> Measure:
        if item.least == 0:
            raise UnsafeSchemaError("a list of items that take no bytes")
        return Measure(_past_items(item.past), 1)

    def _union(self, schemas: list[Any], within: tuple[str, ...]) -> Measure:
        branches = [self.of(each, (*within, "")).past for each in schemas]

        def past(data: bytes, at: int, tally: Tally) -> int:
            branch, at = number(data, at)
            if not 0 <= branch < len(branches):
                raise UnreadableValueError("no such branch of a union")
            return branches[branch](data, at, tally)

        return Measure(past, 1)


def _past_number(data: bytes, at: int, tally: Tally) -> int:
    tally.count()
    return number(data, at)[1]


def _past_sized(data: bytes, at: int, tally: Tally) -> int:
    tally.count()
    size, at = number(data, at)
    return _within(data, at, size)


def _past_fixed(size: int) -> Pass:
    def past(data: bytes, at: int, tally: Tally) -> int:
        tally.count()
        return _within(data, at, size)

    return past


def _past_each(parts: list[Pass]) -> Pass:
    def past(data: bytes, at: int, tally: Tally) -> int:
        tally.count()
        for part in parts:
            at = part(data, at, tally)
        return at

    return past


def _past_items(item: Pass) -> Pass:
    def past(data: bytes, at: int, tally: Tally) -> int:
        tally.count()
        while True:
            count, at = number(data, at)
            if count == 0:
                return at
            if count < 0:
                _, at = number(data, at)
            for _ in range(abs(count)):
                at = item(data, at, tally)

    return past
