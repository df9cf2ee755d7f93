"""The evaluator's verdicts are those of the reference validator; its judgement is strict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry

from runfold.events.json_schema import (
    Check,
    SchemaRefusedError,
    UncheckableError,
    parsed,
    problems_of,
)

NAMES = ("a", "b", "ab")
TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
SCALARS = st.sampled_from([None, True, False, 0, 1, -3, 10**20, 0.0, 1.0, 1.5, "", "a", "ab", "é1"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=6,
)
NUMBERS = st.sampled_from([0, 1, 2, 1.5, -1])
COUNTS = st.integers(0, 2)
NAMED = st.lists(st.sampled_from(NAMES), max_size=2, unique=True)


def schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    by_name = st.dictionaries(st.sampled_from(NAMES), inner, max_size=2)
    some = st.lists(inner, min_size=1, max_size=2)
    numbers = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    counts = ("Length", "Items", "Properties", "Contains")
    ones = (
        "items", "additionalProperties", "unevaluatedItems", "unevaluatedProperties", "contains",
        "propertyNames", "not", "if", "then", "else",
    )  # fmt: skip
    optional: dict[str, st.SearchStrategy[Any]] = {
        "type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, unique=True),
        "enum": st.lists(VALUES, max_size=3),
        "const": VALUES,
        "required": NAMED,
        "dependentRequired": st.dictionaries(st.sampled_from(NAMES), NAMED, max_size=1),
        "uniqueItems": st.booleans(),
        "multipleOf": st.sampled_from([1, 2, 0.5, 3]),
        "pattern": st.sampled_from(["^a", "b$", "^[a-z]+$", "[0-9]"]),
        "properties": by_name,
        "dependentSchemas": by_name,
        "patternProperties": st.dictionaries(st.sampled_from(["^a", "b"]), inner, max_size=2),
        "$ref": st.sampled_from(["#/$defs/x", "#/$defs/y"]),
        **dict.fromkeys(numbers, NUMBERS),
        **{f"{edge}{noun}": COUNTS for edge in ("min", "max") for noun in counts},
        **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), some),
        **dict.fromkeys(ones, inner),
    }
    return st.lists(st.sampled_from(sorted(optional)), max_size=4, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries({name: optional[name] for name in chosen})
    )


LEAVES = st.booleans() | schemas(st.booleans())
SCHEMAS = schemas(st.recursive(LEAVES, schemas, max_leaves=6))


@settings(max_examples=400, deadline=None)
@given(SCHEMAS, LEAVES, LEAVES, st.lists(VALUES, min_size=1, max_size=4))
def test_a_verdict_is_that_of_the_reference_validator(
    schema: dict[str, Any], x: Any, y: Any, values: list[Any]
) -> None:
    whole = {**schema, "$defs": {"x": x, "y": y}}
    try:
        check = Check(whole)
    except SchemaRefusedError:
        assert "$ref" in str(whole)
        return
    reference = Draft202012Validator(whole, registry=Registry())
    for value in values:
        assert (not check.faults(value, formats=False)) is reference.is_valid(value)


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, ("$schema",)),
        ({"$schema": "https://example.org/mine"}, ("$schema",)),
        ({"properties": {"a": {"$ref": "https://example.org/s"}}}, ("properties", "a", "$ref")),
        ({"items": {"$ref": "other.json#/a"}}, ("items", "$ref")),
        ({"$ref": "#anchor"}, ("$ref",)),
        ({"$dynamicRef": "#a"}, ("$dynamicRef",)),
        ({"properties": {"a": {"$id": "b"}}}, ("properties", "a", "$id")),
        ({"anyOf": [{"$ref": "#"}]}, ("anyOf", 0)),
        ({"items": [{"type": "string"}]}, ("items",)),
        ({"required": True}, ("required",)),
        ({"minLength": -1}, ("minLength",)),
        ({"multipleOf": 0}, ("multipleOf",)),
        ({"minimum": float("nan")}, ("minimum",)),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"pattern": "("}}}, ("$defs", "a", "pattern")),
    ],
)
def test_a_schema_that_cannot_be_used_is_told_with_its_place(
    schema: dict[str, Any], path: tuple[str | int, ...]
) -> None:
    assert path in [problem.path for problem in problems_of(schema)]


def test_a_recursion_into_the_value_is_taken_and_one_that_stays_is_not() -> None:
    tree = {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}, "required": ["n"]}
    assert problems_of(tree) == []
    assert [fault.place for fault in Check(tree).faults({"n": 1, "left": {}})] == ["$.left"]
    assert problems_of({"allOf": [{"not": {"$ref": "#"}}]})


def test_a_long_chain_of_references_ends_in_words_and_not_in_the_stack() -> None:
    def chain(keyword: str, inner: Callable[[str], object]) -> dict[str, Any]:
        links = {f"n{n}": {keyword: inner(f"#/$defs/n{n + 1}")} for n in range(300)}
        return {"$ref": "#/$defs/n0", "$defs": {**links, "n300": {"type": "null"}}}

    deep: object = None
    for _ in range(60):
        deep = {"a": deep}
    into = chain("properties", lambda name: {"a": {"$ref": name}})
    assert Check(into).faults(deep) == ()
    stays = chain("allOf", lambda name: [{"$ref": name}])
    with pytest.raises(UncheckableError, match="nested too deeply"):
        Check(stays).faults({})


def test_depth_is_judged_before_anything_is_parsed() -> None:
    assert parsed(b'{"a":"[[[["}') == {"a": "[[[["}
    for text in (b"[" * 65 + b"]" * 65, b'{"a":' * 5000, b'"' + b'\\"' * 10_000):
        with pytest.raises(UncheckableError):
            parsed(text)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date", "2026-02-28", "2026-02-29"),
        ("date", "2026-02-28", "20260228"),
        ("time", "23:59:60Z", "24:00:00Z"),
        ("date-time", "2026-03-01T12:00:00+01:00", "2026-03-01T12:00:00"),
        ("date-time", "2026-03-01t12:00:00.5z", "tomorrow at noon"),
        ("email", "ann@example.org", "ann at example.org"),
        ("ipv4", "192.0.2.1", "192.0.2.256"),
        ("ipv6", "2001:db8::1", "fe80::1%eth0"),
        ("uuid", "019ca945-0a00-7000-8000-000000000001", "019ca945"),
        ("regex", "^a+$", "("),
        ("nobody-knows", "anything", None),
    ],
)
def test_formats_are_checked(name: str, good: str, bad: str | None) -> None:
    check = Check({"format": name})
    assert check.faults(good) == ()
    assert check.faults(7) == ()
    if bad is not None:
        assert [fault.keyword for fault in check.faults(bad)] == ["format"]
        assert check.faults(bad, formats=False) == ()
