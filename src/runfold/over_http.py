"""Clients that reach Runfold by its gateway: the same as over Kafka, from anywhere."""

from __future__ import annotations

from collections.abc import Mapping

from runfold.aio import AsyncClient
from runfold.client import Client
from runfold.failures import as_ours
from runfold.infra.settings.declared.gateway import API_KEY, HTTP_URL
from runfold.stack.settings import Settings
from runfold.surfaces.application.errors import UnavailableError
from runfold.surfaces.client.async_runs import AsyncHttpRuns
from runfold.surfaces.client.retrying import Retries
from runfold.surfaces.client.runs import HttpRuns
from runfold.surfaces.client.transport import Target

_FOLDER = "gateway"


def connect_http(
    url: str | None = None,
    *,
    api_key: str | None = None,
    attempts: int = 6,
    within_s: float = 30.0,
    headers: Mapping[str, str] | None = None,
) -> Client:
    """Return a client of the gateway at ``url``, in the name of an API key's tenant and user.

    What is not given is read from RUNFOLD_HTTP_URL and RUNFOLD_API_KEY; without an address, it is
    the gateway that ``runfold up`` started. A request is tried ``attempts`` times within
    ``within_s`` seconds, as the gateway's Retry-After says, and never leads to a second run; a
    control that may have arrived is not sent again. Raises InvalidError for what is no address or
    no key, UnavailableError where no gateway is known.
    """
    with as_ours():
        runs = HttpRuns(_target(url, api_key, Retries(attempts, within_s), headers))
    return Client(runs, runs.close)


async def connect_http_async(
    url: str | None = None,
    *,
    api_key: str | None = None,
    attempts: int = 6,
    within_s: float = 30.0,
    headers: Mapping[str, str] | None = None,
) -> AsyncClient:
    """Return the same for an event loop."""
    with as_ours():
        runs = AsyncHttpRuns(_target(url, api_key, Retries(attempts, within_s), headers))
    return AsyncClient(runs, runs.close)


def _target(
    url: str | None, key: str | None, retries: Retries, headers: Mapping[str, str] | None
) -> Target:
    found, own = url or HTTP_URL.read(), key or API_KEY.read()
    if not found:
        found, kept = _of_this_home()
        own = own or kept
    return Target(found, own, retries, dict(headers or {}))


def _of_this_home() -> tuple[str, str]:
    """Return address and key of the gateway that runs here; raises UnavailableError for none."""
    folder = Settings.from_env().home / _FOLDER
    try:
        return (
            (folder / "url").read_text("utf-8").strip(),
            (folder / "development-key").read_text("utf-8").strip(),
        )
    except OSError:
        raise UnavailableError(
            "No gateway runs here: say `runfold up`, or give its address (RUNFOLD_HTTP_URL) and a "
            "key (RUNFOLD_API_KEY)."
        ) from None
