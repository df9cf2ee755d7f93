"""What the rules find, what they leave, and what a hostile text costs them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from runfold.events.definitions.agents.redaction import KINDS, RedactedKind
from runfold.processors.privacy.rules import RuleDetector, names_a_secret

FOUND: list[tuple[RedactedKind, str, str]] = [
    ("email", "write to jane.doe+x@bank.co.uk today", "jane.doe+x@bank.co.uk"),
    ("email", "<müller@büro.de>", "müller@büro.de"),
    ("email", "mailto:a@b-c.example.", "a@b-c.example"),
    ("email", "'o'brien@example.org'", "o'brien@example.org"),
    ("iban", "IBAN DE89 3704 0044 0532 0130 00 is mine", "DE89 3704 0044 0532 0130 00"),
    ("iban", "gb82west12345698765432", "gb82west12345698765432"),
    ("iban", "NO93 8601 1117 947", "NO93 8601 1117 947"),
    ("card", "4111 1111 1111 1111", "4111 1111 1111 1111"),
    ("card", "pay 5555-5555-5555-4444.", "5555-5555-5555-4444"),
    ("card", "378282246310005", "378282246310005"),
    ("ssn", "ssn 078-05-1120", "078-05-1120"),
    ("phone", "call +49 151 2345-6789 now", "+49 151 2345-6789"),
    ("phone", "0044 20 7946 0958", "0044 20 7946 0958"),
    ("phone", "(212) 555-0199", "(212) 555-0199"),
    ("phone", "212-555-0199", "212-555-0199"),
    ("phone", "0151/23456789", "0151/23456789"),
    ("ip", "from 10.0.0.12:443", "10.0.0.12"),
    ("ip", "host fe80::1ff:fe23:4567:890a up", "fe80::1ff:fe23:4567:890a"),
    ("secret", "password = hunter2", "hunter2"),
    ("secret", 'api_key: "0123abcd"', "0123abcd"),
    ("secret", "DB_PASSWORD=s3cr3t!", "s3cr3t!"),
    ("secret", "postgresql://u:geheim@db/x", "geheim"),
    ("secret", "Authorization: Bearer abcdef0123456789abcd", "abcdef0123456789abcd"),
    ("secret", "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    ("secret", "use ghp_" + "a" * 36, "ghp_" + "a" * 36),
    ("secret", "sk-proj-abcdefghijklmnopqrstuv", "sk-proj-abcdefghijklmnopqrstuv"),
    ("secret", "hvs.CAESIJlU8RXeqX3sYAYx", "hvs.CAESIJlU8RXeqX3sYAYx"),
    ("secret", 'PWD="one two three"', "one two three"),
    ("secret", 'pwd: "a b"', "a b"),
    ("secret", r'{\"token\": \"ab\"}', "ab"),
    ("secret", r'{\\\"password\\\": \\\"hunter2\\\"}', "hunter2"),
    ("secret", r"password=dir\name", r"dir\name"),
    ("iban", "DE89 37040044 0532013000", "DE89 37040044 0532013000"),
    ("secret", "-----BEGIN PRIVATE KEY-----\nMIIE\nvQ==\n-----END PRIVATE KEY-----\n",
     "-----BEGIN PRIVATE KEY-----\nMIIE\nvQ==\n-----END PRIVATE KEY-----"),
    ("secret", "-----BEGIN EC PRIVATE KEY-----\ncut", "-----BEGIN EC PRIVATE KEY-----\ncut"),
]  # fmt: skip

LEFT = [
    "order 1234567890123456 of 2026-11-30",
    "4111 1111 1111 1112 fails Luhn's check",
    "0000000000000000",
    "DE00370400440532013000 has wrong check digits",
    "at 12:30:45 on 01-02-2026",
    "300.1.2.3 is no address",
    "666-12-3456 and 000-12-3456 were never given out",
    "the password is long enough",
    "a @ b, a@b, @handle",
    "https://example.org/path?a=b",
    "019ca945-0a00-7000-8000-000000000001",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "\u212aE89 ABCD EFGH IJKL MNOP and \u0130E89 ABCD EFGH IJKL MNOP",
    "token",
    "",
]


def found(text: str, *kinds: RedactedKind) -> set[tuple[RedactedKind, str]]:
    spans = RuleDetector(kinds or KINDS).scan(text)
    return {(span.kind, text[span.start : span.end]) for span in spans}


@pytest.mark.parametrize(("kind", "text", "part"), FOUND)
def test_what_is_meant_is_found_exactly(kind: RedactedKind, text: str, part: str) -> None:
    assert (kind, part) in found(text)
    assert found(text, *[other for other in KINDS if other != kind]) == found(text) - {(kind, part)}


@pytest.mark.parametrize("text", LEFT)
def test_what_only_looks_like_it_is_left(text: str) -> None:
    assert found(text) == set()


def test_every_kind_is_tried() -> None:
    assert {kind for kind, _text, _part in FOUND} == set(KINDS)


@pytest.mark.parametrize("name", ["password", "DB_PASSWORD", "apiKey", "a_secret", "x-api-key"])
def test_the_name_of_a_field_says_that_it_holds_a_secret(name: str) -> None:
    assert names_a_secret(name)


@pytest.mark.parametrize("name", ["passenger", "tokens", "keyboard", "secretary", "", "tokens_in"])
def test_other_names_do_not(name: str) -> None:
    assert not names_a_secret(name)


def steps(work: Callable[[], Any]) -> int:
    """Count what our own code does; what a pattern costs is bounded by its own form."""
    count = 0

    def seen(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "piece",
    ["1 ", "DE89", "a@", "x@yy.zz ", ":", "ab:", "password=:", "eyJ", "a@b.", "a://", "01-", "+1 ",
     "-----BEGIN PRIVATE KEY-----", "DE89 1234 ", "4111 ", "0.0.0.", "("],
)  # fmt: skip
def test_twice_the_text_costs_twice_as_much(piece: str) -> None:
    once, twice = piece * (4000 // len(piece)), piece * (8000 // len(piece))
    detector = RuleDetector()
    few, many = steps(lambda: detector.scan(once)), steps(lambda: detector.scan(twice))
    assert many <= 2.5 * few + 200
