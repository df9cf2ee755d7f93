"""Readable pages of the two documents: plain HTML that loads nothing and runs nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1b1b1b;background:#fff}h1,h2,h3{line-height:1.2}h2{border-top:1px solid #bbb;"
    "padding-top:1rem}code,pre{font:13px ui-monospace,monospace}pre{background:#f4f4f4;"
    "padding:.7rem;overflow:auto}table{border-collapse:collapse;width:100%}td,th{border:1px solid "
    "#ccc;padding:.25rem .5rem;text-align:left;vertical-align:top}summary{cursor:pointer}"
    "nav{columns:3}h2 code{font-size:1em}.m{font-weight:700}@media(max-width:40rem){nav{columns:1}}"
    "@media(prefers-color-scheme:dark){body{background:#161616;color:#e8e8e8}"
    "pre{background:#242424}a{color:#8ab4ff}td,th{border-color:#555}}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}
"""What a page is sent with: a browser loads nothing for it but its one style."""

_CODE = re.compile(r"(`{1,2})([^`]+)\1")
_OURS = re.compile(r" \[\d+(?:, \d+)*\]")
"""References of docstrings to what was asked for, which say nothing to others."""

Json = Mapping[str, Any]


def openapi(document: Json) -> str:
    """Return the page of an OpenAPI document."""
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    index = [
        (operation["operationId"], f"{method} {path}") for method, path, operation in operations
    ]
    parts = [_operation(*each) for each in operations]
    schemas = document["components"]["schemas"]
    parts += ["<h2>Shapes</h2>", *(_schema(name, schemas[name]) for name in sorted(schemas))]
    return _page(document["info"], "/openapi.json", index, parts)


def asyncapi(document: Json) -> str:
    """Return the page of an AsyncAPI document."""
    messages = document["components"]["messages"]
    index = [(_anchor(name), name) for name in document["channels"]]
    parts = [_channel(name, channel, messages) for name, channel in document["channels"].items()]
    return _page(document["info"], "/asyncapi.json", index, parts)


def _page(info: Json, source: str, index: list[tuple[str, str]], parts: list[str]) -> str:
    links = "".join(f'<a href="#{_e(at)}">{_e(what)}</a><br>' for at, what in index)
    other = "asyncapi" if source == "/openapi.json" else "openapi"
    body = (
        f"<p>{in_html(info['description'])}</p>"
        f'<p>For programs: <a href="{source}">{source}</a>. '
        f'See also <a href="/{other}">/{other}</a> and <a href="/problems">/problems</a>.</p>'
        f"<nav>{links}</nav>{''.join(parts)}"
    )
    return shell(f"{info['title']} {info['version']}", body)


def shell(title: str, body: str) -> str:
    """Return a page of a title and the HTML of its body, to be sent with ``HEADERS``."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_e(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>{_e(title)}</h1>{body}</body></html>\n"
    )


def _operation(method: str, path: str, said: Json) -> str:
    rows = [
        (each["name"], each["in"], _kind(each["schema"]), each["description"])
        for each in said["parameters"]
    ]
    head = (
        f'<h2 id="{_e(said["operationId"])}"><span class="m">{_e(method)}</span> '
        f"<code>{_e(path)}</code></h2><p>{_about(said['summary'], said['description'])}</p>"
    )
    parts = [head]
    if scope := said.get("x-runfold-scope"):
        parts.append(f"<p>Scope of the key: <code>{_e(scope)}</code></p>")
    if rows:
        parts.append(_table(("parameter", "in", "type", "about"), rows))
    if body := said.get("requestBody"):
        of = ", ".join(map(_of_content, body["content"].items()))
        parts.append(f"<p>Body: {of}</p>")
    answers = [
        (status, " ".join(map(_of_content, (answer.get("content") or {}).items())),
         answer["description"])
        for status, answer in said["responses"].items()
    ]  # fmt: skip
    rows_of = "".join(
        f"<tr><td>{_e(status)}</td><td>{shape}</td><td>{in_html(about)}</td></tr>"
        for status, shape, about in answers
    )
    parts.append(f"<table><tr><th>status</th><th>answer</th><th>says</th></tr>{rows_of}</table>")
    return "".join(parts)


def _of_content(each: tuple[str, Json]) -> str:
    kind, said = each
    return f"{_link(said['schema'])} <code>{_e(kind)}</code>"


def _schema(name: str, said: Json) -> str:
    needed = set(said.get("required", ()))
    rows = [
        (field, _kind(kind), "yes" if field in needed else "", kind.get("description", ""))
        for field, kind in said.get("properties", {}).items()
    ]
    about = f"<p>{in_html(said.get('description', ''))}</p>"
    table = _table(("field", "type", "required", "about"), rows) if rows else _raw(said)
    return f'<h3 id="{_e(name)}">{_e(name)}</h3>{about}{table}'


def _channel(name: str, channel: Json, messages: Json) -> str:
    head = (
        f'<h2 id="{_e(_anchor(name))}"><code>{_e(name)}</code></h2>'
        f"<p>{in_html(_sentence(channel['title']))}. {in_html(channel['description'])}</p>"
    )
    parts = [head]
    for reference in channel["messages"].values():
        said = messages[reference["$ref"].rpartition("/")[2]]
        parts.append(
            f"<details><summary><code>{_e(said['name'])}</code> "
            f"{in_html(said['summary'])}</summary>"
            f"<p>Subject <code>{_e(said['x-runfold-subject'])}</code>, version "
            f"{_e(str(said['x-runfold-version']))}</p>{_raw(said['payload']['schema'])}</details>"
        )
    return "".join(parts)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    top = "".join(f"<th>{_e(word)}</th>" for word in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{in_html(value)}</td>" for value in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{top}</tr>{body}</table>"


def _raw(value: object) -> str:
    return f"<pre>{_e(json.dumps(value, indent=1, ensure_ascii=False))}</pre>"


def _link(schema: Json) -> str:
    names = list(_named(schema))
    links = (f'<a href="#{_e(name)}">{_e(name)}</a>' for name in names)
    return ", ".join(links) or _e(_kind(schema))


def _named(schema: Json) -> Iterator[str]:
    if "$ref" in schema:
        yield schema["$ref"].rpartition("/")[2]
    for each in schema.get("allOf", ()):
        yield from _named(each)


def _kind(schema: Json) -> str:
    """Return a type in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " or ".join(_kind(each) for each in schema[word])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _about(summary: str, description: str) -> str:
    """Return what an operation does, once where its description begins as its summary."""
    if description.startswith(summary):
        return in_html(description)
    return f"{in_html(summary)}. {in_html(description)}"


def in_html(text: str) -> str:
    """Return words for people: what stands between backticks as code, no numbers of our own."""
    return _CODE.sub(r"<code>\2</code>", _e(_OURS.sub("", str(text))))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _anchor(name: str) -> str:
    return name.replace(".", "-")


def in_text(text: str) -> str:
    """Return words as they stand, with nothing in them that is markup."""
    return _e(text)


def _e(text: str) -> str:
    return escape(str(text), quote=True)
