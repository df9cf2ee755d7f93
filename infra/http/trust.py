"""Whom a client trusts: the authorities of the system, and one of a file."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path


def trust(authority: Path | None) -> ssl.SSLContext:
    """Return a context that trusts what the system trusts, and the authority of a PEM file."""
    # Here, so that a process that speaks no TLS does not import it.
    import truststore  # noqa: PLC0415

    found = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority is not None:
        found.load_verify_locations(cafile=str(authority))
    return found


@cache
def public() -> ssl.SSLContext:
    """Return the one context of this process that trusts the public authorities.

    For clients that are made for one call: reading the authorities takes a processor 20 to 30 ms,
    in which an event loop stands still.
    """
    # Here, so that who only trusts a file does not import it.
    import httpx  # noqa: PLC0415

    return httpx.create_ssl_context(trust_env=False)
