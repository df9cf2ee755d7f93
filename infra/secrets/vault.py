"""Secrets in a Vault (or OpenBao): its KV engine, version 2, read over HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from runfold.infra.secrets.names import is_plain
from runfold.infra.secrets.port import SecretsUnavailableError
from runfold.infra.secrets.vault_http import WHOLE_S, VaultAwayError, VaultHttp, VaultPlace

FIELD = "value"
"""The field of an entry that holds the secret."""

_KEPT_S = 30.0
_KEPT = 1000
_ABSENT, _DENIED, _FOUND = 404, 403, 200


class VaultSecrets:
    """A tenant's own secrets before those of all tenants; an answer holds for 30 s.

    An entry's field ``value`` is the secret: ``vault kv put -mount=secret runfold/crm value=…``
    gives ``crm`` to every tenant, ``runfold/tenants/acme/crm`` gives it to ``acme`` alone.
    """

    def __init__(
        self,
        place: VaultPlace,
        *,
        clock: Callable[[], float] = time.monotonic,
        whole_s: float = WHOLE_S,
    ) -> None:
        self._place = place
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[float, str | None]] = OrderedDict()
        self._http = VaultHttp(place, whole_s)

    def get(self, name: str, tenant_id: str) -> str | None:
        """Return a tenant's secret, else that of all; None where Vault holds neither."""
        if not is_plain(name):
            return None
        if is_plain(tenant_id):
            own = self._entry(f"tenants/{tenant_id}/{name}", name)
            if own is not None:
                return own
        return self._entry(name, name)

    def _entry(self, entry: str, name: str) -> str | None:
        with self._lock:
            known = self._kept.get(entry)
        if known is not None and self._clock() < known[0]:
            return known[1]
        value = self._read(entry, name)
        with self._lock:
            self._kept[entry] = (self._clock() + _KEPT_S, value)
            self._kept.move_to_end(entry)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return value

    def _read(self, entry: str, name: str) -> str | None:
        status, body = self._ask(entry, name)
        if status == _ABSENT:
            return None
        if status != _FOUND:
            raise SecretsUnavailableError(_refused(status, name))
        return _value(body, name)

    def _ask(self, entry: str, name: str) -> tuple[int, bytes]:
        place = self._place
        inside = "/".join(filter(None, (place.mount, "data", place.path, entry)))
        try:
            return self._http.ask("GET", inside)
        except VaultAwayError as error:
            raise SecretsUnavailableError(
                f"The secret {name!r} cannot be read: Vault {error}"
            ) from error


def _refused(status: int, name: str) -> str:
    if status == _DENIED:
        advice = (
            "the token may not read it, or has expired. Give the process a token whose policy "
            "permits to read the entry"
        )
    elif 300 <= status < 400:
        advice = (
            "it refers to another address. Let RUNFOLD_VAULT_ADDR name the server that is active"
        )
    else:
        advice = "it is asked again. Look at the server: it may be sealed, on stand-by or too busy"
    return f"The secret {name!r} cannot be read: Vault answers {status}; {advice}."


def _value(body: bytes, name: str) -> str | None:
    """Return the field ``value`` of an entry's newest version, None where that is empty."""
    try:
        found = json.loads(body)["data"]["data"]
        value = found[FIELD]
    except (ValueError, RecursionError):
        raise SecretsUnavailableError(
            f"The secret {name!r} cannot be read: Vault's answer is not JSON."
        ) from None
    except (LookupError, TypeError):
        value = None
    # Not chained above, nor quoted here: the answer holds secrets.
    if not isinstance(value, str) or not _is_text(value):
        raise SecretsUnavailableError(
            f"The secret {name!r} has no text in its field {FIELD!r} in Vault, of version 2 of the "
            f"KV engine. Put it there: `vault kv put … {FIELD}=…`."
        )
    return value or None


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
