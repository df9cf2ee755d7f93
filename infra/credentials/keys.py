"""The deployment's keys of credentials: from the secrets port, and changed without a restart."""

from __future__ import annotations

import base64
import binascii
import logging
import secrets
from collections.abc import Mapping

from runfold.infra.credentials.token import KEY_ID, LEAST_KEY_BYTES
from runfold.infra.secrets.environment import variable_of
from runfold.infra.secrets.port import SecretStore, SecretsUnavailableError
from runfold.infra.settings.errors import ConfigError

NAME = "credential-keys"
"""The secret that holds the keys: a line each, ``KEY_ID KEY``, the key in base64url.

No tool may ask for it. The name may never change.
"""

_MOST_KEYS = 100

_log = logging.getLogger(__name__)


class KeyRing:
    """The keys by their ids; ``refresh`` reads them again, and a fault leaves those of before."""

    def __init__(self, store: SecretStore) -> None:
        """Read the keys; raises ConfigError with what to do where there are none."""
        self._store = store
        try:
            self._keys = keys_in(store.get(NAME, "") or "")
        except SecretsUnavailableError as error:
            raise ConfigError(f"The keys of credentials cannot be read: {error}") from error

    def get(self, key_id: str) -> bytes | None:
        """Return a key, None where there is none of this id."""
        return self._keys.get(key_id)

    def refresh(self) -> None:
        """Read the keys again; a store that does not answer, or holds none, changes nothing."""
        try:
            found = keys_in(self._store.get(NAME, "") or "")
        except (SecretsUnavailableError, ConfigError) as error:
            _log.warning("the keys of credentials stay as they are: %s", error)
            return
        if found.keys() != self._keys.keys():
            _log.info("keys of credentials now: %s", ", ".join(sorted(found)))
        self._keys = found


def keys_in(text: str) -> Mapping[str, bytes]:
    """Return the keys that a secret holds, the first of an id; raises ConfigError."""
    lines = [line.split() for line in text.replace(",", "\n").splitlines() if line.strip()]
    if not lines:
        raise ConfigError(
            f"The secret {NAME!r} holds no key, and credentials are to be checked: make one with "
            f"`runfold token key`, and give it as {variable_of(NAME)}, a file or in Vault."
        )
    if len(lines) > _MOST_KEYS:
        raise ConfigError(f"The secret {NAME!r} holds {len(lines)} keys, {_MOST_KEYS} may be.")
    found: dict[str, bytes] = {}
    for number, words in enumerate(lines, start=1):
        if len(words) != 2 or not KEY_ID.fullmatch(words[0]):
            raise ConfigError(f"Line {number} of the secret {NAME!r} is not `KEY_ID KEY`.")
        found.setdefault(words[0], _key(words[1], number))
    return found


def new_key() -> str:
    """Return a key as it stands in the secret."""
    return base64.urlsafe_b64encode(secrets.token_bytes(LEAST_KEY_BYTES)).decode().rstrip("=")


def _key(text: str, number: int) -> bytes:
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < LEAST_KEY_BYTES:
        raise ConfigError(
            f"The key on line {number} of the secret {NAME!r} is not {LEAST_KEY_BYTES} bytes or "
            "more in base64url: make one with `runfold token key`."
        )
    return key
