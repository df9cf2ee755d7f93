"""Secrets in the environment of the process."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

PREFIX = "RUNFOLD_SECRET_"


def variable_of(name: str) -> str:
    """Return ``RUNFOLD_SECRET_<NAME>``, in upper case, ``_`` for all but letters and digits."""
    return PREFIX + re.sub(r"[^A-Z0-9]", "_", name.upper())


class EnvironmentSecrets:
    """The same secrets for every tenant, from variables ``RUNFOLD_SECRET_<NAME>``."""

    def __init__(self, env: Mapping[str, str] = os.environ) -> None:
        self._env = env

    def get(self, name: str, tenant_id: str) -> str | None:  # noqa: ARG002 - of the deployment
        """Return the variable's value, None where it is empty or not set."""
        return self._env.get(variable_of(name)) or None
