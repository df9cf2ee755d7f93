"""How a deployment's name stands in the names of what it has: the one rule of them.

Kafka:     NAME.runs.events   NAME.runfold-runs-positions   NAME.runfold-runs-3
Postgres:  the schema runfold_NAME, with ``_`` for ``-``

A name is plain as code, records and documentation have it, and full as brokers have it. A
deployment without a name has plain names everywhere. ``infra.kafka.clients`` turns one into the
other for every client of Kafka, so nothing beyond it knows a full name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

OPTION: Final = "runfold.deployment"
"""Carries the name among the settings that every client of Kafka begins with.

No client of Kafka knows it: one that is made without ``infra.kafka.clients`` refuses to start.
"""

MOST: Final = 30
"""Characters of a deployment's name: with them the longest schema of ours has 63."""

# Names of Runfold's own begin with these: `runs.events` is no topic of a deployment called runs.
_RESERVED: Final = (
    "alerts", "calls", "context", "dead", "model", "registry", "runfold", "runs", "tenants",
    "tool",
)  # fmt: skip

EXPECTS: Final = (
    f"at most {MOST} lower-case letters, digits and -, begin with a letter, end with a letter or "
    f"digit, and not be one of {', '.join(_RESERVED)}"
)
"""Goes on the sentence "it must be …"."""

_NAME: Final = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_MOST_FULL: Final = 249
"""Characters of a topic's name that Kafka takes."""


def checked(name: str) -> str:
    """Return a deployment's name; raises ValueError where it cannot be one."""
    if len(name) > MOST or not _NAME.fullmatch(name) or name in _RESERVED:
        raise ValueError(name)
    return name


@dataclass(frozen=True, slots=True)
class Naming:
    """The names of one deployment; "" is the one without a name. Raises ValueError for others."""

    deployment: str = ""

    def __post_init__(self) -> None:
        if self.deployment:
            checked(self.deployment)

    @property
    def schema(self) -> str:
        """The schema of its tables, where no setting names another."""
        return f"runfold_{self.deployment.replace('-', '_')}" if self.deployment else "runfold"

    def full(self, plain: str) -> str:
        """Return what brokers call a topic, a group or a transactional id.

        Raises ValueError for one that Kafka would not take.
        """
        full = f"{self._prefix}{plain}"
        if len(full) > _MOST_FULL:
            raise ValueError(f"{full} has {len(full)} characters, and Kafka takes {_MOST_FULL}")
        return full

    def plain(self, full: str) -> str:
        """Return what code and records call it; what is another deployment's stays as it is."""
        return full.removeprefix(self._prefix)

    def holds(self, full: str) -> bool:
        """Return whether a name at the brokers may be of this deployment."""
        return full.startswith(self._prefix)

    @property
    def said(self) -> str:
        """How a sentence names the deployment."""
        return f"deployment {self.deployment}" if self.deployment else "deployment without a name"

    @property
    def _prefix(self) -> str:
        return f"{self.deployment}." if self.deployment else ""


PLAIN: Final = Naming()
"""The names of a deployment that has none."""


def naming_of(kafka: Mapping[str, object]) -> Naming:
    """Return the names of the deployment that settings of clients are for."""
    return Naming(str(kafka.get(OPTION, "")))


def option_of(deployment: str) -> dict[str, str]:
    """Return what a deployment's name adds to the settings of its clients."""
    return {OPTION: deployment} if deployment else {}


def deployment_with(full: str, plain: str) -> str | None:
    """Return whose topic of this plain name it is, None where it is no deployment's."""
    if full == plain:
        return ""
    name = full.removesuffix(f".{plain}")
    try:
        return checked(name) if name != full else None
    except ValueError:
        return None
