"""Why a bearer token lets nobody in."""

from __future__ import annotations

from typing import Final

MALFORMED: Final = "token_malformed"
UNTRUSTED: Final = "token_untrusted"
EXPIRED: Final = "token_expired"
NOT_YET: Final = "token_not_yet"
AUDIENCE: Final = "token_audience"
CLAIMS: Final = "token_claims"


class TokenRefusedError(Exception):
    """A token that lets nobody in; ``code`` is one of this module's, and never changes.

    The sentence says what to do, and quotes nothing of the token but short names. ``again_s`` are
    the seconds after which the same token may be looked at otherwise, 0 where it will not be.
    """

    def __init__(self, code: str, sentence: str, again_s: int = 0) -> None:
        super().__init__(sentence)
        self.code = code
        self.again_s = again_s

    @property
    def is_suspect(self) -> bool:
        """Whether only somebody with a token that no trusted issuer made for us is told so."""
        return self.code in {MALFORMED, UNTRUSTED}


class KeysAwayError(Exception):
    """An issuer's keys are not known now; the sentence says so, ``again_s`` when to ask again."""

    def __init__(self, sentence: str, again_s: int) -> None:
        super().__init__(sentence)
        self.again_s = again_s


class KeysFaultError(Exception):
    """What an issuer's server answered cannot be used; the text says why, for the log."""
