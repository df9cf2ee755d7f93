"""A secret that is said again in another form is found in each of them, and nothing else is."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.infra.logging.masking import masked, secrets_of
from runfold.infra.secrets.forms import without
from runfold.processors.tool.secrets import redacted, redacted_bytes

SECRETS = ["s3cret-of-the-crm", 'pa"ss\\wo/rd+ü', "a&b=c d?e<f>", "line one of it\nline two of it",
           "tab\tand\x01control", "\U0001f511-is-the-key"]  # fmt: skip

ECHOES: dict[str, Callable[[str], str]] = {
    "as it is": lambda secret: f"the key {secret} was refused",
    "JSON": lambda secret: json.dumps({"key": secret}),
    "JSON as it is kept": lambda secret: json.dumps({"key": secret}, ensure_ascii=False),
    "JSON in JSON": lambda secret: json.dumps(json.dumps({"key": secret})),
    "JSON in JSON as it is kept": lambda secret: json.dumps(
        json.dumps({"key": secret}, ensure_ascii=False), ensure_ascii=False
    ),
    "a dictionary of Python": lambda secret: str({"key": secret}),
    "a path": lambda secret: f"GET /v1/{quote(secret)}",
    "a part of a path": lambda secret: f"GET /v1/{quote(secret, safe='')}",
    "a query": lambda secret: f"GET /?{urlencode({'key': secret})}",
    "a form": lambda secret: f"key={quote_plus(secret)}",
    "a page": lambda secret: f"<p>{html.escape(secret)}</p>",
    "hexadecimal": lambda secret: secret.encode().hex(),
    **{
        f"base64 behind {before!r}": lambda secret, before=before: base64.b64encode(
            f"{before}{secret}".encode()
        ).decode()
        for before in ("", "u", "me", "user:", "anna:")
    },
    "base64 between": lambda secret: base64.urlsafe_b64encode(f"a:{secret}:b".encode()).decode(),
}

CODED = {name for name in ECHOES if name.startswith("base64")}


def readable(text: str) -> str:
    """Everything that can be made of a text by taking base64 apart, and the text."""
    found = [text]
    for part in text.replace("[redacted]", "!").split("!"):
        whole = part.translate(str.maketrans("-_", "+/")).rstrip("=")
        padded = whole[: len(whole) // 4 * 4]
        found.append(base64.b64decode(padded).decode("utf-8", "replace"))
    return "\n".join(found)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("echo", ECHOES)
def test_an_echo_of_a_secret_is_masked(echo: str, secret: str) -> None:
    said = ECHOES[echo](secret)
    hidden = redacted(said, [secret])
    assert "[redacted]" in hidden
    assert redacted_bytes(said.encode(), [secret]) == hidden.encode()
    assert masked(said, secrets_of({"RUNFOLD_SECRET_CRM": secret})) == hidden
    if echo in CODED:
        assert secret[1:-2] not in readable(hidden)
    else:
        assert secret[1:-1] not in hidden


@pytest.mark.parametrize("line", ["line one of it", "line two of it"])
def test_a_line_of_a_secret_is_one(line: str) -> None:
    assert line not in redacted(f"it begins with {line}", ["line one of it\nline two of it"])


def test_of_two_secrets_the_longer_one_is_masked_whole() -> None:
    for values in (["abcd1234", "abcd1234efgh"], ["abcd1234efgh", "abcd1234"]):
        assert redacted("abcd1234efgh, abcd1234", values) == "[redacted], [redacted]"


@given(st.text('abc"\n', max_size=30), st.text('abc"\n', min_size=1, max_size=12))
def test_every_secret_is_masked_wherever_it_stands(text: str, secret: str) -> None:
    assert secret not in without(text, [secret], "#")
    assert without(text.replace(secret, "#"), [secret], "#").count("#") >= text.count(secret)


def test_an_empty_one_is_none() -> None:
    assert redacted("said", ["", "zzzz"]) == "said"
