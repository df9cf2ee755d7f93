"""Whatever a client sends, it is answered with what the document says, and never with a bug."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runfold.surfaces.http.access.identity import OPERATOR
from runfold.surfaces.http.documents.openapi import codes_of
from runfold.surfaces.http.route import Route
from runfold.surfaces.http.routes import ROUTES
from tests.deciders.given import RUN
from tests.deciders.given import request as asked
from tests.http.serving import Served, serving
from tests.support.builders.stories import WRITES
from tests.surfaces.answering import answering

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["", "0", "\ud800", "\0", "2026-11-30T12:00", "9" * 40, RUN, f"{RUN}.2"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
WORDS = st.text(max_size=20) | st.sampled_from(
    [
        "\0",
        "%00",
        "run_",
        RUN,
        RUN.upper(),
        "1",
        "-1",
        "9" * 30,
        "agent",
        "../..",
        "a@b@c",
        "\u0661",
    ]
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "accept",
            "idempotency-key",
            "prefer",
            "if-none-match",
            "x-request-id",
            "traceparent",
            "range",
            "if-range",
            "content-digest",
            "repr-digest",
            "last-event-id",
            "origin",
            "runfold-version",
            "content-encoding",
            "x-forwarded-for",
            "forwarded",
            "expect",
            "te",
        ]
    ),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
    | st.sampled_from(["bytes=0-", "bytes=-1", "sha-256=:AAAA:", "2026-12-01", "gzip", "identity"])
    | st.sampled_from(["wait=0", "00-0-0-0", f"00-{'f' * 32}-{'f' * 16}-ff", '"', '"a"', "*"]),
    max_size=3,
)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(answering(asked(), WRITES)) as found:
        yield found


@pytest.fixture(scope="module")
def client(served: Served) -> httpx.Client:
    return served.client(scopes=("*", OPERATOR))


def bodies(route: Route) -> st.SearchStrategy[Any]:
    """Bodies with the names that a route knows, and values that it does not."""
    if route.body is None:
        return st.none()
    names = sorted(route.body.model_fields)
    usual = {"goal": "x", "agent": "worker", "call_id": "2", "question_id": "2", "reason": "no"}
    usual |= {"content": "x", "instructions": "x", "answer": "x"}
    good = {name: usual[name] for name in names if name in usual}
    wrong = st.dictionaries(st.sampled_from(names), VALUES, max_size=4)
    return wrong.map(lambda said: {**good, **said}) | VALUES


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
@settings(max_examples=20)
@given(data=st.data())
def test_nothing_that_is_sent_is_a_bug(
    client: httpx.Client, route: Route, data: st.DataObject
) -> None:
    path = route.path
    for name in re.findall(r"\{(\w+)\}", path):
        word = data.draw(st.just(RUN) | WORDS if name == "run_id" else WORDS, label=name)
        path = path.replace(f"{{{name}}}", quote(word, safe="") or "x")
    query = {
        each.name: data.draw(WORDS, label=each.name)
        for each in route.parameters
        if each.place == "query" and data.draw(st.booleans())
    }
    if route.streams:
        query.setdefault("limit", "3")
    headers = data.draw(HEADERS)
    if route.streams:
        headers.pop("accept", None)
    body = data.draw(bodies(route))
    content = None if body is None else json.dumps(body).encode()
    if route.raw or route.uploads:
        content = data.draw(st.binary(max_size=200), label="bytes")
    given_ = {**headers, "content-type": "application/json"} if content else headers

    answer = client.request(route.method, path, params=query, content=content, headers=given_)

    if answer.status_code >= 400:
        said = answer.json()
        assert said["code"] in (*codes_of(route), "no_such_route"), said
        assert said["code"] != "internal", said
    else:
        assert answer.status_code in route.answers
