"""The keys of a JWKS that can be used: public, for signatures, of a kind and size that is safe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey, import_key
from joserfc.util import urlsafe_b64decode

from runfold.infra.credentials.bearer.errors import KeysFaultError

MOST_KEYS: Final = 100
LONGEST_KID: Final = 256
_RSA_BITS = range(2048, 8193)
_LARGEST_EXPONENT = 2**32

Key = RSAKey | ECKey | OKPKey

_CURVES: Mapping[str, str] = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_OKP = frozenset({"Ed25519", "EdDSA"})


@dataclass(frozen=True, slots=True)
class Usable:
    """A key, and the algorithms that it may verify."""

    key: Key
    algorithms: frozenset[str]


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys by their ids; one without is under the empty text. ``left_out`` counts the others."""

    keys: Mapping[str, tuple[Usable, ...]]
    left_out: int = 0

    def find(self, kid: str | None, algorithm: str) -> Key | None:
        """Return the one key that a token may be verified with, None where it is not known.

        A token that names none can only be verified where one key alone could be meant.
        """
        if kid is None:
            found = [one for each in self.keys.values() for one in each]
        else:
            found = list(self.keys.get(kid, ())) if kid else []
        fitting = [each for each in found if algorithm in each.algorithms]
        return fitting[0].key if len(fitting) == 1 else None


def key_set_of(said: Any) -> KeySet:
    """Return the usable keys of a JWKS; raises KeysFaultError for what is none."""
    listed = said.get("keys") if isinstance(said, dict) else None
    if not isinstance(listed, list):
        raise KeysFaultError("what it answers is no JWKS: it has no list `keys`")
    if len(listed) > MOST_KEYS:
        raise KeysFaultError(f"it publishes {len(listed)} keys, and {MOST_KEYS} may be")
    found: dict[str, tuple[Usable, ...]] = {}
    left_out = 0
    for each in listed:
        usable = _usable(each)
        if usable is None:
            left_out += 1
            continue
        kid = each.get("kid", "")
        found[kid] = (*found.get(kid, ()), usable)
    return KeySet(found, left_out)


def _usable(said: Any) -> Usable | None:
    """Return a key, None for one that can verify nothing here.

    A private key that is published can be used by everybody, and proves nothing. Certificates and
    addresses of a key are not looked at.
    """
    if not isinstance(said, dict) or said.get("kty") not in {"RSA", "EC", "OKP"} or "d" in said:
        return None
    kid = said.get("kid", "")
    if not isinstance(kid, str) or len(kid) > LONGEST_KID or said.get("use", "sig") != "sig":
        return None
    public = {name: said[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in said}
    if not all(isinstance(value, str) and len(value) <= 2048 for value in public.values()):
        return None
    try:
        if public["kty"] == "RSA" and not _is_safe(public):
            return None
        key = import_key(public)
        algorithms = _algorithms(key, public)
    except (JoseError, ValueError, TypeError, OverflowError):
        return None
    if (named := said.get("alg")) is not None:
        algorithms &= {named} if isinstance(named, str) else set()
    return Usable(key, algorithms) if algorithms and not isinstance(key, OctKey) else None


def _is_safe(public: Mapping[str, str]) -> bool:
    """Whether an RSA key is neither quickly guessed nor slow on purpose."""
    try:
        size, exponent = (_number(public.get(name, "")) for name in ("n", "e"))
    except ValueError:
        return False
    return size.bit_length() in _RSA_BITS and 3 <= exponent <= _LARGEST_EXPONENT


def _number(text: str) -> int:
    return int.from_bytes(urlsafe_b64decode(text.encode("ascii")))


def _algorithms(key: Any, public: Mapping[str, str]) -> frozenset[str]:
    if isinstance(key, RSAKey):
        return frozenset(f"{kind}{bits}" for kind in ("RS", "PS") for bits in (256, 384, 512))
    if isinstance(key, ECKey):
        return frozenset(name for name, curve in _CURVES.items() if public.get("crv") == curve)
    return _OKP if public.get("crv") == "Ed25519" else frozenset()
