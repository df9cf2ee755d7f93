"""Which variables hold secrets, by their names."""

from __future__ import annotations

import re

_SECRET = re.compile(
    r"SECRET|TOKEN|PASSW|CREDENTIAL|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|DATABASE_URL", re.IGNORECASE
)


def looks_secret(name: str) -> bool:
    """Return whether an environment variable's name says that its value is a secret."""
    return _SECRET.search(name) is not None
