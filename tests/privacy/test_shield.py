"""Tokens: the same for the same, nothing of what they stand for, and back again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.events.definitions.agents.redaction import KINDS
from runfold.processors.privacy.detector import Span
from runfold.processors.privacy.rules import RuleDetector
from runfold.processors.privacy.shield import Shield

JANE = "jane@bank.example"


def shield(run: str = "acme/run") -> Shield:
    return Shield(run, RuleDetector(), KINDS)


class Everything:
    """Takes every two characters for a secret."""

    def scan(self, text: str) -> Sequence[Span]:
        return [Span("secret", at, min(at + 2, len(text))) for at in range(0, len(text), 2)]


def test_a_token_says_what_it_is_and_not_which() -> None:
    hidden = shield().hide(f"write to {JANE}, yes {JANE}, not to joe@bank.example")
    first, second, third = [word.strip(",") for word in hidden.split() if word.startswith("<")]
    assert first == second != third
    assert first.startswith("<EMAIL_")
    assert "jane" not in hidden


def test_a_token_is_the_same_in_every_call_of_a_run_and_another_in_another() -> None:
    assert shield().hide(JANE) == shield().hide(JANE)
    assert shield("acme/other").hide(JANE) != shield().hide(JANE)
    assert shield("globex/run").hide(JANE) != shield().hide(JANE)


@given(st.text(max_size=50).filter(lambda text: "<" not in text))
def test_what_was_hidden_is_shown_again(text: str) -> None:
    one = Shield("run", Everything(), KINDS)
    hidden = one.hide(text)
    assert one.show(hidden) == text
    assert not text or hidden != text


def test_a_model_may_write_a_token_in_other_letters() -> None:
    one = shield()
    hidden = one.hide(JANE)
    assert one.show(hidden.lower()) == JANE
    assert one.show(f"[{hidden}]") == f"[{JANE}]"


def test_a_token_that_this_call_did_not_give_stays_as_it_is() -> None:
    one, other = shield(), shield()
    hidden = other.hide(JANE)
    one.hide("joe@bank.example")
    assert one.show(hidden) == hidden


def test_two_that_fall_together_get_different_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runfold.processors.privacy.shield._SHORT", 0)
    one = shield()
    hidden = one.hide("a@bank.example b@bank.example")
    first, second = hidden.split()
    assert first != second
    assert one.show(second) == "b@bank.example"


def test_the_insides_of_json_are_hidden_and_it_stays_json() -> None:
    said = {
        "to": JANE,
        "deep": [{"card": 4111111111111111}, True, None, 1.5],
        JANE: "as a key",
        "password": "hunter2",
        "count": 3,
    }
    one = shield()
    hidden = one.hide_json(json.dumps(said))
    assert json.loads(hidden)["count"] == 3
    for word in ("jane", "4111", "hunter2"):
        assert word not in hidden
    assert dict(one.counts) == {"email": 1, "card": 1, "secret": 1}
    shown = json.loads(one.show_json(hidden))
    # A number behind a token comes back as text.
    assert shown == said | {"deep": [{"card": "4111111111111111"}, True, None, 1.5]}


@pytest.mark.parametrize(
    "text",
    ["pwd:4111 1111 1111 1111", "secret: DE89 3704 0044 0532 0130 00", "pwd=0151 2345 6789",
     "https://bob:hunter2@bank.example/x", "password=0151/23456789 77"],
)  # fmt: skip
def test_of_two_that_overlap_nothing_is_left(text: str) -> None:
    spans = RuleDetector().scan(text)
    assert any(a.start < b.start < a.end or a.start < b.end < a.end for a in spans for b in spans)
    one = shield()
    hidden = one.hide(text)
    left = hidden
    for token in one.words:
        left = left.replace(token, "")
    for span in spans:
        assert not any(part in left for part in text[span.start : span.end].split()), hidden
    assert one.show(hidden) == text


_SPANS = st.lists(
    st.builds(
        lambda kind, start, size: Span(kind, start, start + size),
        st.sampled_from(KINDS), st.integers(0, 30), st.integers(1, 10),
    ),
    max_size=8,
)  # fmt: skip


@given(_SPANS)
def test_every_character_that_was_found_is_hidden(spans: list[Span]) -> None:
    class Told:
        def scan(self, text: str) -> Sequence[Span]:
            return [each for each in spans if each.end <= len(text)]

    text = "".join(map(chr, range(0x4E00, 0x4E00 + 41)))
    one = Shield("run", Told(), KINDS)
    hidden = one.hide(text)
    found = {at for span in spans for at in range(span.start, span.end)}
    assert {at for at, char in enumerate(text) if char not in hidden} == found
    assert one.show(hidden) == text


@pytest.mark.parametrize(
    "value", ["a", "a b", 12345678, 1234.5, ["one", "two"], [[98765], "deep in it"]]
)
def test_what_stands_under_the_name_of_a_secret_is_hidden_whole(value: Any) -> None:
    one = shield()
    hidden = json.loads(one.hide_json(json.dumps({"db_password": value, "x": 1})))
    assert json.dumps(hidden["db_password"]).count("<SECRET_") == len(one.words) > 0
    leaves = json.dumps(value).translate(str.maketrans("[],", "   ")).split('"')
    words = [leaf.strip() for leaf in leaves if len(leaf.strip()) > 1]
    assert not [word for word in words if word in json.dumps(hidden)]


@pytest.mark.parametrize("value", [True, None, 7, 100, "", [], {"type": "string"}])
def test_what_can_be_no_secret_stays_under_the_name_of_one(value: Any) -> None:
    said = json.dumps({"max_token": value})
    assert shield().hide_json(said) == said


def test_a_word_is_put_back_as_json_wants_it() -> None:
    one = Shield("run", Everything(), KINDS)
    token = one.hide('"\\')
    assert json.loads(one.show_json(json.dumps({"said": token}))) == {"said": '"\\'}


def test_a_name_that_stands_twice_hides_nothing_from_the_detector() -> None:
    assert "jane" not in shield().hide_json(f'{{"note": "{JANE}", "note": "x"}}')


def test_escapes_hide_nothing_from_the_detector() -> None:
    assert "EMAIL" in shield().hide_json('{"to": "jane\\u0040bank.example"}')


@pytest.mark.parametrize("text", ["{", "[" * 5000, "NaN", f'{{"to": "{JANE}"', '"\\ud800 a@bb.cc"'])
def test_what_is_no_json_is_looked_through_as_text(text: str) -> None:
    hidden = shield().hide_json(text)
    assert "jane" not in hidden


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "plain", JANE]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
        max_leaves=10,
    )
)  # fmt: skip
def test_json_of_any_form_comes_back(value: Any) -> None:
    one = shield()
    assert json.loads(one.show_json(one.hide_json(json.dumps(value)))) == value
