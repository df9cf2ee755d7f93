"""Names of secrets: which a store may be asked for, and which variables hold one."""

from __future__ import annotations

import re

_SECRET = re.compile(
    r"SECRET|TOKEN|PASSW|CREDENTIAL|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|DATABASE_URL", re.IGNORECASE
)

# What Kubernetes allows as a key; a name like ``..`` or ``a/b`` must not leave its folder.
_PLAIN = re.compile(r"(?!\.)[-.\w]{1,253}", re.ASCII)


def looks_secret(name: str) -> bool:
    """Return whether an environment variable's name says that its value is a secret."""
    return _SECRET.search(name) is not None


def is_plain(name: str) -> bool:
    """Return whether a name is one part of a path: letters, digits, ``-``, ``_``, no dot first."""
    return _PLAIN.fullmatch(name) is not None
