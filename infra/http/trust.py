"""Whom a client trusts: the authorities of the system, and one of a file."""

from __future__ import annotations

import ssl
from pathlib import Path


def trust(authority: Path | None) -> ssl.SSLContext:
    """Return a context that trusts what the system trusts, and the authority of a PEM file."""
    # Here, so that a process that speaks no TLS does not import it.
    import truststore  # noqa: PLC0415

    found = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority is not None:
        found.load_verify_locations(cafile=str(authority))
    return found
