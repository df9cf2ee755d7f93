"""Hides what a detector finds behind tokens, and puts it back where a model uses them.

A token follows from the run and from what it stands for, so it is the same in every call of the
run, in whatever part of the transcript is shown, and nothing has to be kept: the journal holds the
words. ``<EMAIL_5f0c81aa>`` says to the model what it is, and that two of them are equal.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from runfold.events.contents.content import canonical_json
from runfold.events.definitions.agents.redaction import KINDS, RedactedKind
from runfold.processors.privacy.detector import Detector, Span
from runfold.processors.privacy.rules import names_a_secret

_TOKEN = re.compile(r"<([A-Z]{2,10})_([0-9a-f]{8}(?:[0-9a-f]{56})?)>", re.IGNORECASE)
_SHORT = 8
_MOST_LEVELS = 64
_SHORTEST_NUMBER = 4
"""So many digits a number has under the name of a secret that is hidden; fewer count something."""
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}


class Shield:
    """The tokens of one call of a run; ``run_key`` names the run, and should not be guessable."""

    def __init__(self, run_key: str, detector: Detector, kinds: Iterable[RedactedKind]) -> None:
        self._run_key, self._kinds = run_key, tuple(kinds)
        self._key = hashlib.sha256(b"runfold redaction " + run_key.encode()).digest()
        self._detector = detector
        self._hides_named = "secret" in self._kinds
        self.words: dict[str, str] = {}
        """What each token that was given stands for."""

    def beside(self) -> Shield:
        """Return one that gives the same tokens, and has given none."""
        return Shield(self._run_key, self._detector, self._kinds)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many different values of each kind are hidden, by kind."""
        return Counter(token[1:].partition("_")[0].lower() for token in self.words)

    def contradicts(self, words: Mapping[str, str]) -> bool:
        """Return whether one of these tokens stands for something else here."""
        return any(self.words.get(token, word) != word for token, word in words.items())

    def hide(self, text: str) -> str:
        """Return the text with tokens in the place of what was found."""
        parts, at = [], 0
        for span in _apart(self._detector.scan(text)):
            parts += [text[at : span.start], self._token(span.kind, text[span.start : span.end])]
            at = span.end
        return "".join([*parts, text[at:]]) if at else text

    def show(self, text: str) -> str:
        """Return the text with the words in the place of this call's tokens."""

        def word(match: re.Match[str]) -> str:
            return self.words.get(f"<{match[1].upper()}_{match[2].lower()}>", match[0])

        return _TOKEN.sub(word, text) if self.words else text

    def hide_json(self, text: str) -> str:
        """Return JSON with tokens inside its strings; anything else is hidden as text."""
        return self._inside(text, self.hide, names=self._hides_named)

    def show_json(self, text: str) -> str:
        """Return JSON with the words inside its strings."""
        return self._inside(text, self.show, names=False)

    def _inside(self, text: str, change: Callable[[str], str], *, names: bool) -> str:
        try:
            value = json.loads(text, object_pairs_hook=_unique)
            changed = self._walk(value, change, 0, names=names)
            return text if changed == value else canonical_json(changed)
        except (ValueError, RecursionError):
            return change(text)

    def _walk(self, value: Any, change: Callable[[str], str], level: int, *, names: bool) -> Any:
        if level > _MOST_LEVELS:
            raise RecursionError
        if isinstance(value, str):
            return change(value)
        if isinstance(value, list):
            return [self._walk(item, change, level + 1, names=names) for item in value]
        if isinstance(value, dict):
            return {
                change(key): self._secret(item)
                if names and names_a_secret(key) and _is_secret(item)
                else self._walk(item, change, level + 1, names=names)
                for key, item in value.items()
            }
        if isinstance(value, int | float) and not isinstance(value, bool):
            # A number of a card or an account, written without quotes.
            said = str(value)
            return hidden if (hidden := change(said)) != said else value
        return value

    def _secret(self, value: Any) -> Any:
        """Return a token for what stands under the name of a secret, one for each of a list."""
        if isinstance(value, list):
            return [self._secret(item) for item in value]
        return self._token("secret", str(value)) if value else value

    def _token(self, kind: RedactedKind, word: str) -> str:
        digest = hmac.new(self._key, f"{kind} {word}".encode(errors="surrogatepass"), "sha256")
        name = kind.upper()
        token = f"<{name}_{digest.hexdigest()[:_SHORT]}>"
        if self.words.get(token, word) != word:
            token = f"<{name}_{digest.hexdigest()}>"
        self.words[token] = word
        return token


def _is_secret(value: Any) -> bool:
    """Return whether a value can be one: a text, a long number, or a list of nothing else."""
    if isinstance(value, list):
        return all(map(_is_secret, value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return len(str(value)) >= _SHORTEST_NUMBER
    return isinstance(value, str)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; raises ValueError where a name stands twice, of which one would be lost."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _apart(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order without overlaps.

    Those that overlap are one, of their first kind: what is beside the overlap was found as well.
    """
    apart: list[Span] = []
    for span in sorted(spans, key=lambda each: each.start):
        if apart and span.start < apart[-1].end:
            last = apart.pop()
            kind = min(last.kind, span.kind, key=_RANK.__getitem__)
            span = Span(kind, last.start, max(last.end, span.end))  # noqa: PLW2901 - both in one
        apart.append(span)
    return apart
