"""Patterns mean what ECMA-262 says, or are refused with the reason: never a third thing."""

from __future__ import annotations

import pytest

from runfold.events.json_schema import SchemaRefusedError
from runfold.events.json_schema.patterns import pattern_of


@pytest.mark.parametrize(
    ("source", "text", "found"),
    [
        (r"^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*$", "files.read", True),
        (r"^a$", "a\n", False),
        (r"^.$", "\u2028", False),
        (r"^.$", "😀", True),
        (r"\s", "\u00a0", True),
        (r"^\S+$", "a\u3000b", False),
        (r"^[\S]$", "\u3000", False),
        (r"^[^\s]$", "\ufeff", False),
        (r"^\d$", "٣", False),
        (r"^\w$", "é", False),
        ("\\ud83d\\ude00", "😀", True),
        (r"^\u{1f600}$", "😀", True),
        (r"^[\b]$", "\b", True),
        (r"^\cJ$", "\n", True),
        (r"^[\w-.]$", "-", True),
        (r"^{x$", "{x", True),
        (r"^(?<year>\d{4})$", "2026", True),
        (r"^\p{Lu}$", "É", True),
        (r"^a{2,}?b$", "aaab", True),
        (r"^(?=.*[A-Z])(?=.*\d).{8,}$", "abcdefG1", True),
        (r"^(?=.*[A-Z])(?=.*\d).{8,}$", "abcdefgh", False),
        # What the types of a Python tool give for an amount.
        (r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$", "12.50", True),
        (r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$", "+.", False),
    ],
)
def test_a_pattern_means_what_ecma_says(source: str, text: str, *, found: bool) -> None:
    assert pattern_of(source).found_in(text) is found


@pytest.mark.parametrize(
    "source",
    [
        r"(a)\1", r"(?<n>a)\k<n>", "a(?=b)", "^a(?!b)", "^(?!a)b|c", "(?<=a)b", "(?<!a)b", "(?i)a",
        "(?P<n>a)", "(?>a)", "a++", "a**", "^*", "*", "+a", "[]", "[^]", "[[:alpha:]]", "[b-a]",
        "a{2,1}", "a{,3}", "a{1001}", "((a{90}){90}){90}", "(", ")", "[a", "\\", r"\Aa", r"a\z",
        r"\Qa", r"\p{Greek}", r"\pL", r"\x1", "\\ud83d", "\ud83d", "(" * 40 + ")" * 40, "a" * 3000,
    ],
)  # fmt: skip
def test_what_differs_or_costs_too_much_is_refused_with_the_reason(source: str) -> None:
    with pytest.raises(SchemaRefusedError, match="pattern") as refused:
        pattern_of(source)
    str(refused.value).encode()
