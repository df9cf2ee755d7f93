"""Keywords that assert something of a value itself."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from runfold.events.json_schema.bounds import UncheckableError
from runfold.events.json_schema.evaluation import Evaluation, Place, Rule, Verdict
from runfold.events.json_schema.formats import FORMATS
from runfold.events.json_schema.patterns import pattern_of
from runfold.events.json_schema.values import TYPES, key_of, shown

Schema = Mapping[str, Any]


def _type(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
    rule = schema["type"]
    named = [rule] if isinstance(rule, str) else rule
    if not any(TYPES[each](value) for each in named):
        verdict.note(place, "type", f"{shown(value)} is not of type {' or '.join(named)}")


def _enum(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
    mine = key_of(value, run.spend)
    if all(key_of(each, run.spend) != mine for each in schema["enum"]):
        allowed = ", ".join(shown(each) for each in schema["enum"][:10])
        verdict.note(place, "enum", f"{shown(value)} is none of {allowed}")


def _const(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
    if key_of(value, run.spend) != key_of(schema["const"], run.spend):
        verdict.note(place, "const", f"{shown(value)} is not {shown(schema['const'])}")


def _required(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
    if isinstance(value, dict):
        run.spend(len(schema["required"]))
        for name in schema["required"]:
            if name not in value:
                verdict.note(place, "required", f"{shown(name)} is missing")


def _dependent(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
    if not isinstance(value, dict):
        return
    for name, needed in schema["dependentRequired"].items():
        run.spend(1 + len(needed))
        for each in needed if name in value else ():
            if each not in value:
                text = f"{shown(each)} is missing, which {shown(name)} needs"
                verdict.note(place, "dependentRequired", text)


def _bound(keyword: str, kind: str, fits: Callable[[Any, Any], bool], says: str) -> Rule:
    def rule(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
        if TYPES[kind](value) and not fits(value, schema[keyword]):
            text = f"{shown(value)} {says} {shown(schema[keyword])}"
            verdict.note(place, keyword, text)

    return rule


def _length(keyword: str, kind: str, noun: str) -> Rule:
    least = keyword.startswith("min")

    def rule(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
        if not TYPES[kind](value):
            return
        limit = schema[keyword]
        if len(value) < limit if least else len(value) > limit:
            said = "at least" if least else "at most"
            text = f"there are {len(value)} {noun}, and {said} {limit} are allowed"
            verdict.note(place, keyword, text)

    return rule


def _is_multiple(value: Any, of: Any) -> bool:
    if isinstance(value, float) and not math.isfinite(value):
        return False
    # A float is the decimal that people wrote: 0.3 is a multiple of 0.1.
    return Fraction(str(value)) % Fraction(str(of)) == 0


def _unique(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
    if schema["uniqueItems"] and isinstance(value, list):
        keys = {key_of(each, run.spend) for each in value}
        if len(keys) < len(value):
            verdict.note(place, "uniqueItems", "two items are equal")


_HALF = re.compile("[\ud800-\udfff]")


def _pattern(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
    if not isinstance(value, str):
        return
    pattern = pattern_of(schema["pattern"])
    run.spend(pattern.steps(value))
    if not value.isascii() and _HALF.search(value):
        raise UncheckableError("they hold half a surrogate pair")
    if not pattern.found_in(value):
        text = f"{shown(value)} does not match {schema['pattern'][:200]}"
        verdict.note(place, "pattern", text)


def _format(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
    fits = FORMATS.get(schema["format"])
    if run.formats and fits is not None and isinstance(value, str) and not fits(value):
        verdict.note(place, "format", f"{shown(value)} is not of the format {schema['format']}")


ASSERTING: dict[str, Rule] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "required": _required,
    "dependentRequired": _dependent,
    "minProperties": _length("minProperties", "object", "properties"),
    "maxProperties": _length("maxProperties", "object", "properties"),
    "minItems": _length("minItems", "array", "items"),
    "maxItems": _length("maxItems", "array", "items"),
    "uniqueItems": _unique,
    "minLength": _length("minLength", "string", "characters"),
    "maxLength": _length("maxLength", "string", "characters"),
    "pattern": _pattern,
    "format": _format,
    "minimum": _bound("minimum", "number", lambda value, rule: value >= rule, "is below"),
    "maximum": _bound("maximum", "number", lambda value, rule: value <= rule, "is above"),
    "exclusiveMinimum": _bound(
        "exclusiveMinimum", "number", lambda value, rule: value > rule, "is not above"
    ),
    "exclusiveMaximum": _bound(
        "exclusiveMaximum", "number", lambda value, rule: value < rule, "is not below"
    ),
    "multipleOf": _bound("multipleOf", "number", _is_multiple, "is not a multiple of"),
}
