"""What the answer of a push service means; its words are never kept."""

from __future__ import annotations

from typing import Final

from runfold.infra.http.outgoing import Answer
from runfold.processors.delivery.push.attempts import Tried

TOO_LARGE: Final = 413

_GONE: Final = frozenset({404, 410})
_NOT_LET_IN: Final = frozenset({401, 403})
_NOT_NOW: Final = frozenset({408, 425, 429})


def judged(answer: Answer) -> Tried:
    """Return what an answer means: 2xx is sent, 404 and 410 end the browser's subscription.

    What may be mended by waiting, or by an operator, is tried again; all others are for good.
    """
    code, asked = answer.status, answer.retry_after_s or 0.0
    if 200 <= code < 300:
        return Tried("sent", code)
    if code in _GONE:
        return Tried("gone", code, f"the browser's subscription has ended ({code})")
    if code in _NOT_LET_IN:
        said = f"the push service does not accept the key of web push, or the clock ({code})"
        return Tried("open", code, said, asked)
    said = f"the push service answered {code}"
    if code in _NOT_NOW or code >= 500:
        return Tried("open", code, said, asked)
    if code == TOO_LARGE:
        return Tried("failed", code, "the push service takes no message as large as this")
    return Tried("failed", code, said)
