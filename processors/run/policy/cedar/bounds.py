"""How large a text of rules may be, looked at before Cedar sees it.

Cedar's parser goes as deep as its text does, and takes the process down where that is too deep; its
JSON form holds some forty operators in a row. Whoever may write to the registry must not be able to
end a lane with a text.
"""

from __future__ import annotations

import re

MOST_CHARS = 100_000
MOST_LEVELS = 30
MOST_OPERATORS = 30
MOST_DOTS = 100

_TOKENS = re.compile(
    r'"(?:[^"\\]|\\.)*"'
    r"|//[^\n]*"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<end>;)|(?P<dot>\.)"
    r"|(?P<operator>\|\||&&|[!+*-]|\bif\b)",
    re.DOTALL,
)


def need_bounded(cedar: str) -> None:
    """Raise ValueError, with what to do, for a text that is too long or too deep to be a policy."""
    if len(cedar) > MOST_CHARS:
        raise ValueError(f"it has more than {MOST_CHARS} characters: make several policies of it")
    level = operators = dots = 0
    for token in _TOKENS.finditer(cedar):
        level += (token["open"] is not None) - (token["close"] is not None)
        operators += token["operator"] is not None
        dots += token["dot"] is not None
        if level > MOST_LEVELS:
            raise ValueError(f"brackets stand within more than {MOST_LEVELS} others")
        if operators > MOST_OPERATORS or dots > MOST_DOTS:
            raise ValueError(
                f"a rule has more than {MOST_OPERATORS} operators or {MOST_DOTS} dots: say it by a "
                'set, as in ["a", "b"].contains(x), or make several rules of it'
            )
        if token["end"]:
            operators = dots = 0
