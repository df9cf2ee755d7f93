"""Contents come out as people wrote them, and never as what Postgres would refuse."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.events.avro.samples import sample
from runfold.events.catalogue import FACTS
from runfold.events.contents.content import JSON, Content, content, json_content, text
from runfold.projections.rendering.readable import as_json, clean, plain, readable, said


@pytest.mark.parametrize(
    "body",
    [
        '{"a":1.10}',
        '{"amount":12345678901234567890.123456789}',
        '"text"',
        "[]",
        "null",
        '{"deep":[[[[{"k":"ü"}]]]]}',
    ],
)
def test_json_is_kept_digit_for_digit(body: str) -> None:
    assert said(content(body.encode(), JSON)) == body


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"NaN",
        b"Infinity",
        b"1e999999",
        b"1e-999999",
        b"9" * 5000,
        b"\xff",
        b"",
        b"[" * 100_000,
    ],
)
def test_what_is_no_json_is_shown_as_text(body: bytes) -> None:
    found = json.loads(said(content(body, JSON)) or "")
    assert "text" in found
    assert found["size"] == len(body)


@pytest.mark.parametrize("body", ['"a\\u0000b"', '"\\ud800"', '{"\\u0000":1}'])
def test_characters_that_postgres_refuses_are_replaced(body: str) -> None:
    found = said(content(body.encode(), JSON))
    assert found is not None
    assert "\ufffd" in found
    found.encode()


@given(st.text())
def test_text_comes_back(value: str) -> None:
    value = value.encode("utf-8", "replace").decode()
    assert plain(text(value)) == clean(value)
    shown = json.loads(said(text(value)) or "")
    assert shown["text"] == clean(value)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_any_json_value_is_storable(value: object) -> None:
    try:
        made = json_content(value)
    except UnicodeEncodeError:
        return
    for shown in (said(made), as_json(value)):
        assert shown is not None
        assert "\\u0000" not in shown
        assert "\0" not in shown
        json.loads(shown)


def test_every_fact_can_be_shown() -> None:
    for fact in FACTS:
        shown = json.loads(readable(sample(fact)))
        assert set(shown) == set(fact.model_fields)


def test_nothing_is_said_of_nothing() -> None:
    assert said(None) is None
    assert plain(None) is None
    assert plain(Content(media_type="text/plain", size=3, digest=b"", ref="artifact:1")) is None
