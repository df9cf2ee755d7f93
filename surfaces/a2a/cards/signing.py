"""The key that agent cards are signed with: a file of the deployment, the same for every gateway.

A signature is a JWS over the card's canonical form (RFC 8785), with ES256.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from a2a.types.a2a_pb2 import AgentCard
from a2a.utils.signing import create_agent_card_signer
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from runfold.infra.settings.errors import ConfigError
from runfold.surfaces.application.governing.api_keys import write_once

ALGORITHM = "ES256"
_BYTES = 32


class CardKey:
    """A private key; ``jwk`` is the public one as a JSON Web Key, and ``kid`` its thumbprint."""

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        self._private = private
        numbers = private.public_key().public_numbers()
        wanted = {"crv": "P-256", "kty": "EC", "x": _coded(numbers.x), "y": _coded(numbers.y)}
        canonical = json.dumps(wanted, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(canonical.encode()).digest()
        self.kid = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        self.jwk: dict[str, Any] = {**wanted, "kid": self.kid, "use": "sig", "alg": ALGORITHM}

    def signer(self, jku: str) -> Callable[[AgentCard], AgentCard]:
        """Return what signs cards, and says in each where the public key is."""
        pem = self._private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode()
        header: Any = {"alg": ALGORITHM, "typ": "JOSE", "kid": self.kid, "jku": jku}
        return create_agent_card_signer(pem, header)


def card_key_in(file: Path) -> CardKey:
    """Return the key of a file, which is made where missing; raises ConfigError."""
    try:
        if not file.exists():
            write_once(file, _new())
        found = load_pem_private_key(file.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        said = getattr(error, "strerror", None) or "it is no private key in PEM without a password"
        raise _wrong(file, said) from error
    if not isinstance(found, ec.EllipticCurvePrivateKey) or found.curve.name != "secp256r1":
        raise _wrong(file, "it is no key of the curve P-256")
    return CardKey(found)


def _new() -> bytes:
    made = ec.generate_private_key(ec.SECP256R1())
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _wrong(file: Path, why: str) -> ConfigError:
    return ConfigError(
        f"The key that agent cards are signed with cannot be read from {file} ({why}): set "
        "RUNFOLD_A2A_CARD_KEY_FILE to what `openssl ecparam -name prime256v1 -genkey -noout` makes."
    )


def _coded(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(_BYTES, "big")).decode().rstrip("=")
