"""Asking a Vault (or OpenBao) over HTTP, within bounds of time and size."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx

from runfold.infra.http.body import IDENTITY, BodyRefusedError, whole
from runfold.infra.http.trust import trust

_STEP_S = 5.0
WHOLE_S = 10.0
"""How long an answer may take, in seconds."""

_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class VaultPlace:
    """Which server, and where in it; ``mount`` and ``path`` have no ``/`` at their ends.

    ``token`` is asked for each time, so that a token that is exchanged holds at once; it raises
    SecretsUnavailableError where there is none.
    """

    address: str
    token: Callable[[], str]
    mount: str = "secret"
    path: str = "runfold"
    namespace: str = ""
    authority: Path | None = None


class VaultAwayError(Exception):
    """Vault gave no answer that can be used; the message goes on "Vault …"."""


class VaultHttp:
    """One server, over kept connections; thread-safe."""

    def __init__(self, place: VaultPlace, whole_s: float = WHOLE_S) -> None:
        self._place = place
        self._whole_s = whole_s
        self._client = httpx.Client(
            verify=trust(place.authority),
            timeout=httpx.Timeout(min(_STEP_S, whole_s)),
            headers=IDENTITY,
            follow_redirects=False,
        )

    def ask(self, method: str, inside: str, body: object = None) -> tuple[int, bytes]:
        """Return status and body of a path below ``/v1/``; raises VaultAwayError."""
        place = self._place
        url = f"{place.address.rstrip('/')}/v1/{quote(inside)}"
        headers = {"x-vault-token": place.token(), "x-vault-request": "true"}
        if place.namespace:
            headers["x-vault-namespace"] = place.namespace
        content = None if body is None else json.dumps(body).encode()
        until = time.monotonic() + self._whole_s
        try:
            with self._client.stream(method, url, headers=headers, content=content) as response:
                return response.status_code, whole(response, _MOST_BYTES, until)
        except BodyRefusedError as error:
            raise VaultAwayError(f"gave an answer {error}.") from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise VaultAwayError(
                f"does not answer ({type(error).__name__}). See whether the server is up, and "
                "RUNFOLD_VAULT_ADDR names it."
            ) from error
