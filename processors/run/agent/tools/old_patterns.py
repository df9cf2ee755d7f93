"""Patterns of schemas in runs of behaviours 1 to 3, which were matched by Python's ``re``.

Its verdicts are on record, and a pattern such as ``^(a+)+$`` holds it for ever. So RE2, which takes
linear time, matches wherever the two cannot differ. Anywhere else (look-around, back references,
texts whose characters the two class differently) ``re`` matches, but only texts so short that no
pattern takes long; what is longer cannot be checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import jsonschema
import re2
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator

from runfold.events.json_schema import UncheckableError

MOST_STEPS = 2_000_000
"""What a match by ``re`` may come to at worst; so many take a tenth of a second."""

MOST_CHARS = 20
"""Characters of a name that ``re`` may match, whatever the pattern."""

# They mean something else to RE2, or something only to one of the two.
_DIFFERENT = re.compile(r"\[:|\{,|\(\?[a-zA-Z-]|\\[CQEpPZ]")
# What they match beyond ASCII, or of control characters, differs.
_CLASSES = re.compile(r"\\[dDwWsSbB]")
_REPEATED_GROUP = re.compile(r"\)[*+?{]")
_REPEATED = re.compile(r"[*+]|\{")
_PLAIN = re.compile(r"[\x20-\x7e]*")


def found(pattern: str, text: str) -> bool:
    """Return whether ``re.search`` finds a pattern in a text.

    Raises re.error for what is no pattern, UncheckableError where the search might never end.
    """
    by_python = re.compile(pattern)
    linear = _linear(pattern)
    if linear is not None and (_PLAIN.fullmatch(text) or _is_alike(pattern, text)):
        return linear.search(text) is not None
    if not _ends_soon(pattern, len(text)):
        raise UncheckableError("a pattern takes too long to match")
    return by_python.search(text) is not None


def _ends_soon(pattern: str, length: int) -> bool:
    """Whether ``re`` comes to an end, by the most ways in which it can try a text of this length.

    Repeats within repeats multiply with every character, others with their number.
    """
    nested = len(_REPEATED_GROUP.findall(pattern))
    if nested == 0 and length ** (1 + len(_REPEATED.findall(pattern))) <= MOST_STEPS:
        return True
    return length <= MOST_CHARS and (nested + 2) ** length <= MOST_STEPS


def _is_alike(pattern: str, text: str) -> bool:
    """Whether a text with other characters than those of ASCII is matched the same by both."""
    ends_before_a_newline = "$" in pattern and "\n" in text
    if ends_before_a_newline or _CLASSES.search(pattern):
        return False
    return text.isascii() or not any("\ud800" <= each <= "\udfff" for each in text)


@lru_cache(maxsize=1024)
def _linear(pattern: str) -> Any:
    if _DIFFERENT.search(pattern):
        return None
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    try:
        return re2.compile(pattern, options=options)
    except re2.error:
        return None


def _pattern(_of: Validator, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not found(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: Any, value: Any, _schema: Any
) -> Iterator[ValidationError]:
    if not isinstance(value, dict):
        return
    for pattern, subschema in patterns.items():
        for name, item in value.items():
            if found(pattern, name):
                yield from validator.descend(item, subschema, path=name, schema_path=pattern)


def _additional(validator: Any, said: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(value, dict):
        return
    patterns = "|".join(schema.get("patternProperties", {}))
    extras = {
        name
        for name in value
        if name not in schema.get("properties", {}) and not (patterns and found(patterns, name))
    }
    if isinstance(said, dict):
        for extra in extras:
            yield from validator.descend(value[extra], said, path=extra)
    elif not said and extras:
        named = ", ".join(repr(each) for each in sorted(extras))
        if "patternProperties" in schema:
            known = ", ".join(repr(each) for each in sorted(schema["patternProperties"]))
            verb = "does" if len(extras) == 1 else "do"
            yield ValidationError(f"{named} {verb} not match any of the regexes: {known}")
        else:
            verb = "was" if len(extras) == 1 else "were"
            yield ValidationError(
                f"Additional properties are not allowed ({named} {verb} unexpected)"
            )


def check_names(schema: Mapping[str, Any], value: Any) -> None:
    """Raise UncheckableError where ``unevaluatedProperties`` would match long names by ``re``."""
    said = str(schema)
    if "unevaluatedProperties" not in said or "patternProperties" not in said:
        return
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if any(len(name) > MOST_CHARS for name in each):
                raise UncheckableError("a pattern of names takes too long to match")
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


VALIDATOR: Any = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional,
    },
)
"""JSON Schema 2020-12 as behaviours 1 to 3 evaluate it."""
