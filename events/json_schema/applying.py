"""Keywords that apply other schemas: to the same place, or to what lies within it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runfold.events.json_schema.evaluation import NAME, Evaluation, Place, Rule, Verdict
from runfold.events.json_schema.patterns import pattern_of
from runfold.events.json_schema.references import target_of
from runfold.events.json_schema.values import shown

Schema = Mapping[str, Any]


_NAMES_A_STEP = 50
"""How many names of a schema are looked up in a value for one step."""


def _ref(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
    verdict.take(run.of(target_of(run.root, schema["$ref"]), value, place))


def _all_of(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
    for each in schema["allOf"]:
        verdict.take(run.of(each, value, place))


def _any_of(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
    said = [run.of(each, value, place) for each in schema["anyOf"]]
    for each in said:
        verdict.saw(each)
    if not any(each.fits() for each in said):
        _blame(said, value, place, verdict, "anyOf")


def _one_of(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
    said = [run.of(each, value, place) for each in schema["oneOf"]]
    fitting = [each for each in said if each.fits()]
    if len(fitting) == 1:
        verdict.saw(fitting[0])
    elif fitting:
        verdict.note(place, "oneOf", f"{shown(value)} fits {len(fitting)} choices, not one")
    else:
        _blame(said, value, place, verdict, "oneOf")


def _blame(said: list[Verdict], value: Any, place: Place, verdict: Verdict, keyword: str) -> None:
    """Tell what is wrong within the one choice of the value's own type, if there is one."""
    own = [
        each
        for each in said
        if not any(
            fault.keyword == "type" and len(fault.place) <= _width(place) for fault in each.faults
        )
    ]
    if len(own) == 1:
        verdict.blame(own[0])
    else:
        verdict.note(place, keyword, f"{shown(value)} fits none of {len(said)} choices")


def _width(place: Place) -> int:
    return len("$") + sum(
        len(f"[{each}]") if isinstance(each, int) else 1 + len(each[:60]) for each in place
    )


def _not(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
    if run.of(schema["not"], value, place).fits():
        verdict.note(place, "not", f"{shown(value)} is excluded")


def _if(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
    condition = run.of(schema["if"], value, place)
    verdict.saw(condition)
    branch = "then" if condition.fits() else "else"
    if branch in schema:
        verdict.take(run.of(schema[branch], value, place))


def _dependent(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
    if isinstance(value, dict):
        for name, each in schema["dependentSchemas"].items():
            if name in value:
                verdict.take(run.of(each, value, place))


def _properties(
    run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict
) -> None:
    if isinstance(value, dict):
        run.spend(len(schema["properties"]) // _NAMES_A_STEP)
        for name, each in schema["properties"].items():
            if name in value:
                _within(run, each, value, name, place, verdict)


def _patterns(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
    if not isinstance(value, dict):
        return
    run.spend(len(schema["patternProperties"]))
    for source, each in schema["patternProperties"].items():
        pattern = pattern_of(source)
        for name in value:
            run.spend(pattern.steps(name))
            if pattern.found_in(name):
                _within(run, each, value, name, place, verdict)


def _additional(
    run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict
) -> None:
    if not isinstance(value, dict):
        return
    known = schema.get("properties", {})
    patterns = [pattern_of(source) for source in schema.get("patternProperties", ())]
    for name in value:
        run.spend(1 + sum(each.steps(name) for each in patterns))
        if name not in known and not any(each.found_in(name) for each in patterns):
            _within(run, schema["additionalProperties"], value, name, place, verdict)


def _within(
    run: Evaluation,
    schema: Any,
    value: Mapping[str, Any],
    name: str,
    place: Place,
    verdict: Verdict,
) -> None:
    verdict.names.add(name)
    if schema is False:
        verdict.note(place, "additionalProperties", f"{shown(name)} is not allowed")
    else:
        verdict.blame(run.of(schema, value[name], (*place, name)))


def _names(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
    if isinstance(value, dict):
        for name in value:
            verdict.blame(run.of(schema["propertyNames"], name, (*place, NAME, name)))


def _prefix(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
    if isinstance(value, list):
        for at, (each, item) in enumerate(zip(schema["prefixItems"], value, strict=False)):
            verdict.items.add(at)
            verdict.blame(run.of(each, item, (*place, at)))


def _items(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
    if isinstance(value, list):
        for at in range(len(schema.get("prefixItems", ())), len(value)):
            verdict.items.add(at)
            verdict.blame(run.of(schema["items"], value[at], (*place, at)))


def _contains(run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict) -> None:
    if not isinstance(value, list):
        return
    fitting = {
        at for at, item in enumerate(value) if run.of(schema["contains"], item, (*place, at)).fits()
    }
    verdict.items |= fitting
    least, most = schema.get("minContains", 1), schema.get("maxContains")
    if len(fitting) < least:
        verdict.note(place, "contains", f"{len(fitting)} items are what {least} should be")
    elif most is not None and len(fitting) > most:
        verdict.note(place, "contains", f"{len(fitting)} items are what {most} may be")


def _other_items(
    run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict
) -> None:
    if isinstance(value, list):
        for at in sorted(set(range(len(value))) - verdict.items):
            verdict.items.add(at)
            verdict.blame(run.of(schema["unevaluatedItems"], value[at], (*place, at)))


def _other_names(
    run: Evaluation, schema: Schema, value: Any, place: Place, verdict: Verdict
) -> None:
    if isinstance(value, dict):
        for name in [each for each in value if each not in verdict.names]:
            _within(run, schema["unevaluatedProperties"], value, name, place, verdict)


APPLYING: dict[str, Rule] = {
    "$ref": _ref,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "if": _if,
    "dependentSchemas": _dependent,
    "properties": _properties,
    "patternProperties": _patterns,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "prefixItems": _prefix,
    "items": _items,
    "contains": _contains,
}

UNEVALUATED: dict[str, Rule] = {
    "unevaluatedItems": _other_items,
    "unevaluatedProperties": _other_names,
}
"""These need what all others have looked at."""
