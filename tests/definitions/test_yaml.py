"""What YAML is read as, and what of YAML is refused, with its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.surfaces.manifests.loader import documents, dotted


def read(text: str) -> tuple[list[object], list[str]]:
    found = list(documents(text, "f.yaml"))
    return [each.data for each in found], [str(p) for each in found for p in each.problems]


def test_values_are_those_of_json() -> None:
    data, problems = read('a: on\nb: 2026-01-01\nc: 12:30\nd: 1\ne: 1.5\nf: ~\ng: true\nh: "1.0"\n')
    assert problems == []
    assert data == [
        {
            "a": "on",
            "b": "2026-01-01",
            "c": "12:30",
            "d": 1,
            "e": 1.5,
            "f": None,
            "g": True,
            "h": "1.0",
        }
    ]


def test_every_field_knows_its_line() -> None:
    (document,) = documents("a: 1\nb:\n  - c: 2\n  - d: 3\n    e: 4\n", "f.yaml")
    assert document.line(("b", 1, "e")) == 5
    assert document.line(("b", 1, "e", "nowhere")) == 5
    assert document.line(("b", 0)) == 3
    assert dotted(("b", 1, "e")) == "b[1].e"


def test_documents_are_told_apart_and_empty_ones_left_out() -> None:
    data, problems = read("---\na: 1\n---\n---\nb: 2\n")
    assert (data, problems) == ([{"a": 1}, {"b": 2}], [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", 'f.yaml:3: a: the key "a" is written twice'),
        ("a: &x 1\nb: *x\n", "f.yaml:2: not readable YAML: anchors and aliases"),
        ("a: 1\nb: [1\n", "f.yaml:3: not readable YAML"),
        ("a: !!python/object/apply:os.getcwd []\n", "f.yaml:1: a: the tag"),
        ("a: !!python/name:os.getcwd\n", "f.yaml:1: a: the value"),
        ("a: 1\nb: !!int x\n", "f.yaml:2: b: the value 'x'"),
        ("a: 1.0e999\n", "f.yaml:1: a: the value '1.0e999'"),
        ("a: " + "9" * 5000 + "\n", "f.yaml:1: a: the value"),
        ("? [1, 2]\n: 3\n", "f.yaml:1: a key must be a word"),
        ("a: 1\nb: \x07\n", "f.yaml:2: not readable YAML: it holds a character"),
        ('a: "\\ud800"\n', "f.yaml:1: a: the value"),
        ("[" * 5000, "f.yaml:1: not readable YAML: nested too deep"),
        ("[" * 60 + "]" * 60, "f.yaml:1: [0][0][0]: nested more than 50 levels"),
    ],
)
def test_what_is_refused_is_named_with_its_line(text: str, said: str) -> None:
    _, problems = read(text)
    assert len(problems) == 1
    assert problems[0].startswith(said)


@given(
    st.text(alphabet=st.characters(codec="utf-8")) | st.text(alphabet="ab:-[]{}\n \"'&*!?|>#,1.")
)
def test_any_text_is_read_or_refused(text: str) -> None:
    data, problems = read(text)
    assert len(data) >= len(problems[:1])
