"""The signing side: a client's token, and the header that it puts on what it publishes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runfold.events import topics
from runfold.infra.credentials.token import ANYBODY, HEADER, Token, TokenError, read_token
from runfold.infra.settings.declared import isolation
from runfold.infra.settings.errors import ConfigError

SIGNED = frozenset({topics.REQUESTS, topics.CONTROLS})
"""The topics whose records say in whose name they are."""


class Signer:
    """Signs with a token what goes to the topics that clients write to."""

    def __init__(self, token: Token) -> None:
        self.token = token

    def headers(self, topic: str, value: bytes) -> list[tuple[str, bytes]]:
        """Return the header that a record needs, none on topics that need none."""
        if topic not in SIGNED:
            return []
        return [(HEADER, self.token.proof(topic, value).encode())]


def signer_of(env: Mapping[str, str] | None = None, token: str | None = None) -> Signer | None:
    """Return what signs with a given token, else with that of the environment, else nothing.

    Raises ConfigError for what is no token; the sentence does not quote it.
    """
    text = (token if token is not None else isolation.TOKEN.read(env)).strip()
    if not text and (file := isolation.TOKEN_FILE.read(env)) is not None and token is None:
        text = _in_file(file)
    if not text:
        return None
    try:
        return Signer(read_token(text))
    except TokenError as error:
        where = f"{isolation.TOKEN.name} or {isolation.TOKEN_FILE.name}"
        raise ConfigError(
            f"The token that {where} gives is none: {error}. `runfold token issue` makes one."
        ) from None


def named(given: str | None, claimed: str | None, otherwise: str) -> str:
    """Return a name as it is given, else as a token claims it, else another."""
    if given is not None:
        return given
    return claimed if claimed and claimed != ANYBODY else otherwise


def granted_roles(signer: Signer | None) -> tuple[str, ...]:
    """Return the roles that a token names; none without one, and none for one that grants any."""
    claims = signer.token.claims if signer else None
    return tuple(each for each in claims.roles if each != ANYBODY) if claims else ()


def _in_file(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why, name = type(error).__name__, isolation.TOKEN_FILE.name
        raise ConfigError(f"{name} names a file that cannot be read: {why}.") from None
