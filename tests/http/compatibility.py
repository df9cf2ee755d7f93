"""What an older client of the API would break on: one document compared with a recorded one.

``python -m tests.http.compatibility`` records the document of now, unless something broke: as a
release does. Routes, fields of answers, parameters and codes may be added at any time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runfold.surfaces.http.documents.openapi import document
from runfold.surfaces.http.routes import ROUTES
from runfold.surfaces.http.versions import VERSION

RECORDED = Path(__file__).parent / "recorded" / f"openapi-{VERSION}.json"

Json = dict[str, Any]
_LEAST = ("minimum", "minLength", "minItems", "exclusiveMinimum")
_MOST = ("maximum", "maxLength", "maxItems", "exclusiveMaximum")


def breaks(old: Json, new: Json) -> list[str]:
    """Return what a client of the old document could not do any more, or not understand."""
    found: list[str] = []
    for path, methods in old["paths"].items():
        for method, was in methods.items():
            name = f"{method.upper()} {path}"
            now = new["paths"].get(path, {}).get(method)
            if now is None:
                found.append(f"{name}: it is gone")
            else:
                found += [f"{name}: {what}" for what in _operation(was, now, old, new)]
    return found


def _operation(was: Json, now: Json, old: Json, new: Json) -> Iterator[str]:
    for name in ("operationId", "x-runfold-scope", "security"):
        if was.get(name) != now.get(name):
            yield f"{name} was {was.get(name)!r} and is {now.get(name)!r}"
    yield from _parameters(was, now, old, new)
    before, after = was.get("requestBody"), now.get("requestBody")
    if before is None and after is not None and after.get("required"):
        yield "a body is needed"
    elif before is not None and after is None:
        yield "it takes no body any more"
    elif before is not None:
        if after["required"] and not before["required"]:
            yield "a body is needed"
        for kind, content in before["content"].items():
            if kind not in after["content"]:
                yield f"it takes no {kind} any more"
                continue
            pair = content["schema"], after["content"][kind]["schema"]
            yield from _taken("the body", *pair, old, new, ())
    for status, answer in was["responses"].items():
        if status not in now["responses"]:
            yield f"it never answers {status} any more"
            continue
        # A problem is of one form everywhere, and its codes may become more.
        if int(status) < 400:
            yield from _answer(status, answer, now["responses"][status], old, new)


def _answer(status: str, was: Json, now: Json, old: Json, new: Json) -> Iterator[str]:
    for kind, content in was.get("content", {}).items():
        other = now.get("content", {}).get(kind)
        if other is None:
            yield f"{status} is no {kind} any more"
        else:
            yield from _given(status, content["schema"], other["schema"], old, new, ())


def _parameters(was: Json, now: Json, old: Json, new: Json) -> Iterator[str]:
    before = {(each["in"], each["name"].lower()): each for each in was["parameters"]}
    after = {(each["in"], each["name"].lower()): each for each in now["parameters"]}
    for key, each in before.items():
        if key not in after:
            yield f"it takes no {key[1]} any more"
            continue
        yield from _taken(key[1], each["schema"], after[key]["schema"], old, new, ())
    for key, each in after.items():
        if each["required"] and not before.get(key, {}).get("required"):
            yield f"{key[1]} is needed"


def _taken(where: str, was: Json, now: Json, old: Json, new: Json, seen: Any) -> Iterator[str]:
    """What was accepted must be accepted still."""
    was, now = _resolved(was, old), _resolved(now, new)
    if id(was) in seen:
        return
    seen = (*seen, id(was))
    if (lost := _types(was, old) - _types(now, new)) and _types(now, new):
        yield f"{where} may be no {', '.join(sorted(lost))} any more"
    if "enum" in now and (gone := set(was.get("enum", ["anything"])) - set(now["enum"])):
        yield f"{where} may not be {', '.join(map(str, sorted(gone, key=str)))} any more"
    for name in (*_LEAST, *_MOST):
        if name not in now:
            continue
        narrower = name not in was or (
            now[name] > was[name] if name in _LEAST else now[name] < was[name]
        )
        if narrower:
            yield f"{where}: {name} is narrower"
    if now.get("pattern") not in {None, was.get("pattern")}:
        yield f"{where} has another pattern"
    for needed in sorted(set(now.get("required", ())) - set(was.get("required", ()))):
        yield f"{where}/{needed} is needed"
    for name, inner in was.get("properties", {}).items():
        if name not in now.get("properties", {}):
            yield f"{where}/{name} is not taken any more"
        else:
            other = now["properties"][name]
            yield from _taken(f"{where}/{name}", inner, other, old, new, seen)
    if "items" in was and "items" in now:
        yield from _taken(f"{where}/*", was["items"], now["items"], old, new, seen)


def _given(where: str, was: Json, now: Json, old: Json, new: Json, seen: Any) -> Iterator[str]:
    """What was given must be given still, and in no form that nobody expected."""
    was, now = _resolved(was, old), _resolved(now, new)
    if id(was) in seen:
        return
    seen = (*seen, id(was))
    types = _types(was, old)
    if types and (strange := (_types(now, new) or {"anything"}) - types):
        yield f"{where} may be {', '.join(sorted(strange))} now"
    for name in sorted(set(was.get("required", ())) - set(now.get("required", ()))):
        yield f"{where}/{name} may be missing now"
    for name, inner in was.get("properties", {}).items():
        if name not in now.get("properties", {}):
            yield f"{where}/{name} is gone"
        else:
            other = now["properties"][name]
            yield from _given(f"{where}/{name}", inner, other, old, new, seen)
    if "items" in was:
        yield from _given(f"{where}/*", was["items"], now.get("items", {}), old, new, seen)


def _resolved(schema: Json, whole: Json) -> Json:
    while "$ref" in schema:
        schema = whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    choices = schema.get("anyOf", ())
    one = [each for each in choices if each.get("type") != "null"]
    # A model or null: what matters is the model, and that null may be is among the types.
    if len(one) == 1 and len(choices) == 2:
        return {**_resolved(one[0], whole), "x-null": True}
    return schema


def _types(schema: Json, whole: Json) -> set[str]:
    """Return the types that a value may have; none where it may have any."""
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return {_TYPES.get(type(each), "object") for each in values}
    found: set[str] = {"null"} if schema.get("x-null") else set()
    for each in schema.get("anyOf", ()):
        inner = _types(_resolved(each, whole), whole)
        if not inner:
            return set()
        found |= inner
    said = schema.get("type", [])
    found |= {said} if isinstance(said, str) else set(said)
    return found if found - {"null"} else set()


_TYPES = {str: "string", int: "integer", bool: "boolean", float: "number", type(None): "null"}


def _bare(value: Any) -> Any:
    """Return what is compared: without words for people, and without the bodies of problems."""
    if isinstance(value, list):
        return [_bare(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: {} if name.isdecimal() and int(name) >= 400 else _bare(held)
        for name, held in value.items()
        if name != "headers"
        and not (name in {"description", "title", "summary"} and isinstance(held, str))
    }


def main() -> int:
    """Record the document of now, where an older client breaks on nothing of it."""
    now = json.loads(json.dumps(document(ROUTES)))
    if RECORDED.exists():
        found = breaks(json.loads(RECORDED.read_text(encoding="utf-8")), now)
        if found:
            sys.stderr.write("\n".join(found) + "\n")
            return 1
    RECORDED.parent.mkdir(exist_ok=True)
    text = json.dumps(_bare(now), indent=1, sort_keys=True, ensure_ascii=False)
    RECORDED.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
