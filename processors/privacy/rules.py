"""The base of all detectors: patterns, each with a check of what it finds.

Every repetition is bounded, so that a hostile text costs no more than a number of steps for each of
its characters. Only a private key may be of any length: its end is looked for once.
Names, postal addresses and numbers without a form of their own are not found by rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from runfold.events.definitions.agents.redaction import KINDS, RedactedKind
from runfold.processors.privacy.checks import is_address, is_card, is_iban, is_phone, is_ssn
from runfold.processors.privacy.detector import Span


class _Rule(NamedTuple):
    """A pattern whose group 1 is what is meant; ``check`` must hold for it.

    ``shrinks`` says that a shorter part from the same beginning may pass where the whole does not.
    """

    kind: RedactedKind
    pattern: str
    check: Callable[[str], bool] = bool
    shrinks: bool = False


_TOKENS = (
    r"(?:AKIA|ASIA)[0-9A-Z]{16}",
    r"gh[pousr]_[A-Za-z0-9]{36,255}",
    r"github_pat_\w{22,255}",
    r"glpat-[\w-]{20,255}",
    r"(?:sk|pk|rk)-[\w-]{20,255}",
    r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,255}",
    r"xox[abeprs]-[A-Za-z0-9-]{10,255}",
    r"AIza[\w-]{35}",
    r"hv[sb]\.[\w-]{20,255}",
    r"npm_[A-Za-z0-9]{36}",
    r"eyJ[\w-]{8,4000}\.eyJ[\w-]{8,4000}\.[\w-]{8,4000}",
)
_NAMES = (
    r"pass(?:word|wd|phrase|code)?|pwd|secret|token|(?:api|access|private)[_-]?key|credentials?"
)

_NATIONAL = r"\(?0[1-9][0-9]{1,4}\)?[ /-][0-9](?:[ -]?[0-9]){3,10}"
_KEY_BLOCK = r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}KEY-----|\Z)"
# JSON inside the strings of JSON has backslashes before its quotes.
_QUOTE = r"\\{0,15}[\"']"
_LABEL = rf"(?:{_NAMES})(?:{_QUOTE})?\s{{0,5}}[:=]>?\s{{0,5}}"
_WORD = r"(?:[^\s\"',;<>\\]|\\{1,15}(?![\\\"'])){4,500}"

RULES: tuple[_Rule, ...] = (
    _Rule("secret", rf"(?s)({_KEY_BLOCK})"),
    _Rule("secret", rf"(?:^|[^\w-])({'|'.join(_TOKENS)})"),
    _Rule("secret", r"(?i)\b(?:bearer|basic)\s{1,5}([\w.~+/=-]{16,4000})"),
    _Rule("secret", rf"(?i)(?:^|[^a-z]){_LABEL}(?:{_QUOTE})?({_WORD})"),
    _Rule("secret", rf"(?i)(?:^|[^a-z]){_LABEL}\\{{0,15}}\"([^\"\\\n]{{1,500}})\\{{0,15}}\""),
    _Rule("secret", r"[a-zA-Z][\w+.-]{1,20}://[^/\s:@]{0,100}:([^@\s/]{1,200})@"),
    _Rule("email", r"(?:^|[^\w.%+-])(\w[\w.%+'-]{0,63}@(?:[^\W_][\w-]{0,62}\.){1,8}[^\W_]{2,63})"),
    _Rule("iban", r"(?ai)\b([a-z]{2}[0-9]{2}(?: ?[a-z0-9]){11,30})\b", is_iban, shrinks=True),
    _Rule("card", r"\b([2-6](?:[ -]?[0-9]){12,18})\b", is_card),
    _Rule("ssn", r"\b([0-9]{3}-[0-9]{2}-[0-9]{4})\b", is_ssn),
    # With a country's code, of North America, of other countries: the first two are sure of it.
    _Rule("phone", r"(?:^|[^\w+])((?:\+|00)[1-9](?:[ ().\-/]{0,2}[0-9]){6,14})\b", is_phone),
    _Rule("phone", r"(?:^|[^\w+-])(\(?[2-9][0-9]{2}\)?[-. ][2-9][0-9]{2}[-. ][0-9]{4})\b"),
    _Rule("phone", rf"(?:^|[^\w.-])({_NATIONAL})\b", is_phone),
    _Rule("ip", r"(?:^|[^\w.])((?:[0-9]{1,3}\.){3}[0-9]{1,3})\b", is_address),
    _Rule("ip", r"(?:^|[^\w:.])((?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F.]{0,15})", is_address),
)

_SECRET_NAME = re.compile(rf"(?i)(?:^|[^a-z])(?:{_NAMES})$")


class RuleDetector:
    """Finds what the rules of these kinds find."""

    def __init__(self, kinds: Sequence[RedactedKind] = KINDS) -> None:
        self._rules = [(rule, re.compile(rule.pattern)) for rule in RULES if rule.kind in kinds]

    def scan(self, text: str) -> list[Span]:
        """Return what was found, in the order of the rules."""
        return [span for rule, pattern in self._rules for span in _found(rule, pattern, text)]


def names_a_secret(name: str) -> bool:
    """Return whether the value under a key of this name is a secret, whatever it looks like."""
    return _SECRET_NAME.search(name[-100:]) is not None


def _found(rule: _Rule, pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    at = 0
    while (match := pattern.search(text, at)) is not None:
        start, end = match.span(1)
        if rule.shrinks:
            end = next(_passing(rule.check, text, start, end), start)
        if end > start and rule.check(text[start:end]):
            yield Span(rule.kind, start, end)
            at = end
        else:
            # What begins within a part that did not pass may pass itself.
            at = start + 1


def _passing(check: Callable[[str], bool], text: str, start: int, end: int) -> Iterator[int]:
    """Yield the ends, the last first, at which a word ends and the part passes."""
    for stop in range(end, start, -1):
        if (stop == end or not text[stop].isalnum()) and check(text[start:stop].rstrip()):
            yield start + len(text[start:stop].rstrip())
