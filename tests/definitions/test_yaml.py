"""What YAML is read as, and what of YAML is refused, with its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.infra.documents import documents, dotted, single


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
        ("a: 1\nb: *x\n", "f.yaml:2: not readable YAML: found undefined alias 'x'"),
        ("a: 1\nb: &b [1, *b]\n", "f.yaml:2: b[1]: the alias stands within what it names"),
        ("a: &a {<<: *a}\n", "f.yaml:1: a: the alias stands within what it names"),
        ("a: &a 1\nb:\n  <<: *a\n", "f.yaml:2: b: << takes a mapping"),
        ("x" * 1_000_001, "f.yaml:1: not readable YAML: it has more than 1000000 characters"),
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


def test_anchors_and_merge_keys_are_followed() -> None:
    text = (
        "base: &base {retries: 3, wait: 5}\n"
        "hosts: &hosts\n  - a\n  - b\n"
        "one:\n  <<: *base\n  wait: 7\n"
        "two:\n  wait: 9\n  <<: [{wait: 1, more: 2}, *base]\n  hosts: *hosts\n"
        "'<<': plain\n*hosts : no\n"
    )
    data, problems = read(text.replace("*hosts : no\n", ""))
    assert problems == []
    assert data == [
        {
            "base": {"retries": 3, "wait": 5},
            "hosts": ["a", "b"],
            "one": {"retries": 3, "wait": 7},
            "two": {"retries": 3, "wait": 9, "more": 2, "hosts": ["a", "b"]},
            "<<": "plain",
        }
    ]


def test_what_an_alias_stands_for_has_the_line_of_the_alias_and_its_parts_their_own() -> None:
    (document,) = documents(
        "base: &b\n  x: 1\n  y: 2\nuse:\n  - *b\nmine:\n  <<: *b\n  y: 3\n", "f"
    )
    assert [document.line(path) for path in (("use", 0), ("use", 0, "y"))] == [5, 3]
    assert [document.line(path) for path in (("mine", "x"), ("mine", "y"))] == [2, 8]


def _levels(levels: int, width: int, first: str, part: str) -> str:
    """Each level a list of ``width`` parts, which name the level before."""
    made = [
        f"a{level}: &a{level} [" + ", ".join([part.format(level - 1)] * width) + "]"
        for level in range(1, levels)
    ]
    return "\n".join([f"a0: &a0 [{first}]", *made, ""])


def _laughs(levels: int, width: int) -> str:
    return _levels(levels, width, ", ".join(["haha"] * width), "*a{}")


def _merging(levels: int, width: int) -> str:
    return _levels(levels, width, "{x: 1}", "{{<<: *a{}}}")


@pytest.mark.parametrize(
    "text",
    [
        _laughs(9, 9),
        _laughs(40, 2),
        _merging(9, 9),
        _merging(30, 3),
        "a: &a " + "x" * 200_000 + "\nb: [" + ", ".join(["*a"] * 50) + "]\n",
    ],
    ids=["billion laughs", "deep and narrow", "merge keys", "deep merges", "one huge text"],
)
def test_aliases_that_expand_without_bound_are_refused(text: str) -> None:
    data, problems = read(text)
    assert data == [None]
    assert problems == [
        "f.yaml:1: its aliases expand to more than 1000000 characters: write less of it out"
    ]


def test_a_file_that_holds_one_document_holds_no_other() -> None:
    assert single("a: 1\n", "f").data == {"a": 1}
    assert [str(each) for each in single("", "f").problems] == ["f:1: the file is empty"]
    assert [str(each) for each in single("a: 1\n---\nb: 2\n", "f").problems] == [
        "f:3: one document was expected, not several"
    ]
