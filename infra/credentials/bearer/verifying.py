"""Whether a bearer token is one of a trusted issuer for us, and who it stands for.

What a token says of itself is used for two things before its signature holds: which issuer's keys
to look into, and which of them. Addresses and keys in its header are never used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.util import urlsafe_b64decode

from runfold.infra.credentials.bearer.claims import need_in_force, principal_of
from runfold.infra.credentials.bearer.errors import MALFORMED, UNTRUSTED, TokenRefusedError
from runfold.infra.credentials.bearer.fetching import fetch
from runfold.infra.credentials.bearer.issuers import ALGORITHMS, Issuer
from runfold.infra.credentials.bearer.key_cache import KeyCache
from runfold.infra.credentials.bearer.key_set import LONGEST_KID
from runfold.infra.gateway.principal import Principal

MOST_BYTES: Final = 16 * 1024
"""The longest token."""

_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt", "application/jwt"})


class _Unverified(NamedTuple):
    """What a token says, of which nothing is known to be true."""

    algorithm: str
    kid: str | None
    issuer: str


class Verifier:
    """Verifies the tokens of some issuers; it may be asked on any loop."""

    def __init__(
        self, issuers: Sequence[Issuer], caches: Mapping[str, KeyCache] | None = None
    ) -> None:
        """Trust these issuers; ``caches`` are their keys by their names, where they are others."""
        self.issuers = tuple(issuers)
        self._by_address = {each.issuer: each for each in issuers}
        self._keys = caches or {each.name: KeyCache(each, fetch) for each in issuers}

    async def verify(self, text: str, now: datetime) -> Principal:
        """Return who a token stands for.

        Raises TokenRefusedError, and KeysAwayError where it cannot be said now.
        """
        said = _read(text)
        issuer = self._by_address.get(said.issuer)
        if issuer is None:
            raise TokenRefusedError(
                UNTRUSTED, "The token's issuer is not trusted here: use one that is."
            )
        if said.algorithm not in issuer.algorithms:
            raise TokenRefusedError(
                UNTRUSTED,
                f"The token is signed with {said.algorithm[:20]!a}; of this issuer "
                f"{', '.join(issuer.algorithms)} are accepted.",
            )
        key = await self._keys[issuer.name].find(said.kid, said.algorithm)
        claims = _object(_verified(text, key, said.algorithm))
        if claims.get("iss") != issuer.issuer:
            raise TokenRefusedError(UNTRUSTED, "The token's issuer is not trusted here.")
        need_in_force(issuer, claims, now)
        return principal_of(issuer, claims)


class _Registry(jws.JWSRegistry):
    """Knows one algorithm; the header was looked at before."""

    max_header_length = max_payload_length = MOST_BYTES
    max_signature_length = 2048

    def __init__(self, algorithm: str) -> None:
        super().__init__(algorithms=[algorithm], strict_check_header=False)
        self._algorithm = algorithm

    def get_alg(self, name: str) -> Any:
        """Return the algorithm; unlike the library's, without a word about those of old names."""
        if name != self._algorithm or name not in ALGORITHMS:
            raise UnsupportedAlgorithmError(name[:20])
        return self.algorithms[name]


def is_token(text: str) -> bool:
    """Whether a text has the form of a JWT: three parts, the first the begin of a JSON object."""
    return text.startswith("ey") and text.count(".") == 2


def _read(text: str) -> _Unverified:
    if len(text) > MOST_BYTES:
        raise TokenRefusedError(MALFORMED, f"A token has {MOST_BYTES} characters at the most.")
    parts = text.split(".")
    if len(parts) != 3 or not text.isascii() or not all(parts):
        raise TokenRefusedError(MALFORMED, "A token has three parts with dots between.")
    header, claims = _object(_bytes(parts[0])), _object(_bytes(parts[1]))
    algorithm, kid, issuer = header.get("alg"), header.get("kid"), claims.get("iss")
    if not isinstance(algorithm, str) or not isinstance(issuer, str):
        raise TokenRefusedError(MALFORMED, "A token says its `alg` and its `iss`.")
    if kid is not None and not (isinstance(kid, str) and 0 < len(kid) <= LONGEST_KID):
        raise TokenRefusedError(MALFORMED, "A token's `kid` is a short text.")
    if "crit" in header or "b64" in header:
        raise TokenRefusedError(MALFORMED, "A token's header asks for what is not known here.")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise TokenRefusedError(
            MALFORMED, "The token is not an access token: its `typ` is another than at+jwt or JWT."
        )
    return _Unverified(algorithm, kid, issuer)


def _verified(text: str, key: Any, algorithm: str) -> bytes:
    try:
        found = jws.deserialize_compact(text, key, registry=_Registry(algorithm))
    except (JoseError, ValueError, TypeError) as error:
        raise TokenRefusedError(
            UNTRUSTED, "The token's signature is not that of its issuer's key."
        ) from error
    return found.payload or b""


def _bytes(part: str) -> bytes:
    try:
        return urlsafe_b64decode(part.encode())
    except (ValueError, TypeError):
        raise TokenRefusedError(MALFORMED, "A part of the token is not base64url.") from None


def _object(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise TokenRefusedError(MALFORMED, "A part of the token is not an object of JSON.")
    return found


def _no_number(text: str) -> float:
    raise ValueError(text)
