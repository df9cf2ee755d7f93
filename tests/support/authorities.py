"""One reading of the public authorities for all HTTP clients of this process."""

from __future__ import annotations

import os
import ssl
from typing import Any

from httpx import create_ssl_context
from httpx._transports import default


def share_authorities() -> None:
    """Give every client that asks for nothing special the same context.

    Each would read a hundred certificates, which takes more time than most tests that make one.
    """
    made: dict[tuple[str | None, ...], ssl.SSLContext] = {}

    def shared(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
        if verify is not True or cert is not None:
            return create_ssl_context(verify, cert, trust_env)
        names = ("SSL_CERT_FILE", "SSL_CERT_DIR") if trust_env else ()
        key = tuple(os.environ.get(name) for name in names)
        if key not in made:
            made[key] = create_ssl_context(trust_env=trust_env)
        return made[key]

    default.create_ssl_context = shared  # type: ignore[attr-defined]
