"""How a gateway is reached: its address, the key, and how long it is tried."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from runfold.surfaces.application.errors import InvalidError, UnavailableError
from runfold.surfaces.client.answers import Answer
from runfold.surfaces.client.asking import Ask
from runfold.surfaces.client.retrying import Retries, Trying

NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""What goes wrong before a request has left."""

_CONNECT_S, _IDLE_S = 10.0, 75.0
QUIET = httpx.Timeout(35.0, connect=_CONNECT_S)
"""The longest silence of a stream: gateways send something every ten seconds."""


@dataclass(frozen=True, slots=True)
class Target:
    """A gateway and a key of it; ``headers`` are sent with every request."""

    url: str
    key: str = field(repr=False)
    retries: Retries = field(default_factory=Retries)
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what is no address; raises InvalidError."""
        try:
            parts = urlsplit(self.url)
            known = parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query
        except ValueError:
            known = False
        if not known:
            raise InvalidError(f"{self.url!r} is no address of a gateway: https://HOST or http://…")
        if not self.key:
            raise InvalidError(
                "No API key is given: pass api_key or set RUNFOLD_API_KEY; "
                "`runfold keys create` makes one."
            )
        if not (self.key.isascii() and self.key.isprintable()):
            raise InvalidError("The API key cannot be one: `runfold keys create` makes keys.")

    def options(self) -> dict[str, Any]:
        """Return what a client of httpx is made with."""
        return {
            "base_url": self.url,
            "headers": {
                **self.headers,
                "authorization": f"Bearer {self.key}",
                "user-agent": "runfold-python",
            },
            "timeout": httpx.Timeout(_IDLE_S, connect=_CONNECT_S),
            # A key is for one place: it does not go where somebody points to.
            "follow_redirects": False,
        }


def arguments(ask: Ask) -> dict[str, Any]:
    """Return what a request of httpx is made with."""
    more = {} if ask.body is None else {"json": dict(ask.body)}
    return {"method": ask.method, "url": ask.path, "headers": dict(ask.headers), **more}


def answer_of(response: httpx.Response) -> Answer:
    """Return an answer that was read whole."""
    return Answer(response.status_code, response.headers.get("retry-after"), response.content)


def transport_error(error: httpx.HTTPError, trying: Trying) -> UnavailableError:
    """Return what is raised where no gateway answered."""
    what = type(error).__name__
    if trying.ask.again:
        return UnavailableError(f"No gateway answered ({what}): is it up, and its address right?")
    return UnavailableError(
        f"The gateway was lost ({what}) and the control may have arrived: look at the run's events "
        "before it is sent again."
    )
