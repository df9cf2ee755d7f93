"""Challenges of the scheme Bearer, as RFC 6750 and RFC 9728 have them."""

from __future__ import annotations

import re

REALM = "runfold"

_NOT_ALLOWED = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")


def challenge(error: str = "", about: str = "", *, scope: str = "", metadata: str = "") -> str:
    """Return the value of `WWW-Authenticate`.

    ``error`` is empty where nothing was presented, else `invalid_token` or `insufficient_scope`;
    ``metadata`` is the address of a document on the protected resource.
    """
    said = {
        "realm": REALM,
        "error": error,
        "error_description": about,
        "scope": scope,
        "resource_metadata": metadata,
    }
    words = (f'{name}="{_NOT_ALLOWED.sub("", value)}"' for name, value in said.items() if value)
    return f"Bearer {', '.join(words)}"
