"""Credentials as a process checks them: whether the settings ask for it, and keys that change."""

from __future__ import annotations

import threading

from runfold.infra.credentials.checking import Checker
from runfold.infra.credentials.keys import KeyRing
from runfold.infra.secrets.port import SecretStore
from runfold.infra.settings.declared.isolation import CREDENTIALS
from runfold.infra.settings.declared.variables import DEPLOYMENT_NAME

_EVERY_S = 30.0


class Credentials(threading.Thread):
    """The judge of credentials, and the thread that reads the keys again every half minute."""

    def __init__(self, keys: KeyRing, *, required: bool, every_s: float = _EVERY_S) -> None:
        """Take a ring of keys; with ``required`` a record without a credential is unproved."""
        super().__init__(name="credential-keys", daemon=True)
        self._keys = keys
        self._every_s = every_s
        self._ended = threading.Event()
        self.judge = Checker(keys, required=required, deployment=DEPLOYMENT_NAME.read()).judge

    def stop(self) -> None:
        """Read the keys no more."""
        self._ended.set()

    def run(self) -> None:
        """Read the keys every now and then until stopped."""
        while not self._ended.wait(self._every_s):
            self._keys.refresh()


def asked_for(store: SecretStore) -> Credentials | None:
    """Return what checks credentials, None where the settings ask for none.

    Raises ConfigError where they do and there are no keys.
    """
    wanted = CREDENTIALS.read()
    if wanted == "off":
        return None
    return Credentials(KeyRing(store), required=wanted == "require")
