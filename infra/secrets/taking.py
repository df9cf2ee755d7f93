"""Takes the secrets out of a process's environment, so that no code that it runs finds them there.

Everything that the process itself needs was read before. What is taken is gone from ``os.environ``,
from what children inherit, and, on Linux, from ``/proc/<pid>/environ``, which shows the memory that
the process was started with.
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from runfold.infra.logging.masking import secrets_of, values_of
from runfold.infra.secrets.environment import PREFIX
from runfold.infra.secrets.names import looks_secret
from runfold.infra.settings.declared.opa import OPA_ADDR, OPA_TOKEN
from runfold.infra.settings.declared.variables import FAILPOINT, KEYS, SECRETS_FOLDER
from runfold.infra.settings.declared.vault import VAULT_ADDR, VAULT_TOKEN

_log = logging.getLogger(__name__)

_KEYS = "_API_KEY"
_NOT_FOR_OTHERS = frozenset(
    {SECRETS_FOLDER.name, KEYS.name, FAILPOINT.name, VAULT_ADDR.name, OPA_ADDR.name}
)


@dataclass(frozen=True, slots=True)
class Taken:
    """Secrets by the names of their variables, and every text that may leave in no result."""

    values: Mapping[str, str]
    masks: tuple[str, ...]


NOTHING_TAKEN = Taken({}, ())


def take(env: MutableMapping[str, str] | None = None) -> Taken:
    """Remove every variable that holds a secret and return them.

    Those are ``RUNFOLD_SECRET_*`` and the variables whose values are masked in logs.
    """
    given = os.environ if env is None else env
    masks = values_of(given)
    taken = {name: value for name, value in given.items() if _is_secret(name, value)}
    for name in taken:
        del given[name]
    if env is None and taken and sys.platform == "linux":
        try:
            _erase(set(taken))
        except (OSError, ValueError, IndexError) as error:
            _log.warning("secrets stay readable in /proc: %s", type(error).__name__)
    return Taken(taken, masks)


def for_connections(taken: Mapping[str, str]) -> dict[str, str]:
    """Return of what was taken the part that opens connections: no key of a model, none of a tool.

    It is what a process gets that makes no call of its own. Where Vault holds the keys of tenants,
    its token is such a part.
    """
    keys_in_vault = KEYS.read().startswith("vault:")
    return {
        name: value
        for name, value in taken.items()
        if not name.startswith(PREFIX)
        and not name.endswith(_KEYS)
        and name != OPA_TOKEN.name
        and (keys_in_vault or name != VAULT_TOKEN.name)
    }


def environment_without_secrets() -> dict[str, str]:
    """Return what a child may inherit that runs code of others."""
    return {name: value for name, value in os.environ.items() if not _is_secret(name, value)}


def environment_for_others() -> dict[str, str]:
    """Return what a child may have that runs code of others.

    Nothing that is a secret or is named like one, nor where secrets are.
    """
    return {
        name: value
        for name, value in environment_without_secrets().items()
        if not looks_secret(name) and name not in _NOT_FOR_OTHERS
    }


def _is_secret(name: str, value: str) -> bool:
    # The setting that names the folder is no secret; its files are.
    if name == SECRETS_FOLDER.name:
        return False
    return name.startswith(PREFIX) or bool(secrets_of({name: value}))


def _erase(names: set[str]) -> None:
    """Overwrite the values in the memory that the process was started with."""
    # Fields are counted after the program's name, which may hold spaces.
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    start, end = int(fields[47]), int(fields[48])
    at = start
    for entry in Path("/proc/self/environ").read_bytes().split(b"\0"):
        name, equals, value = entry.partition(b"=")
        behind = at + len(name) + len(equals)
        if os.fsdecode(name) in names and behind + len(value) <= end:
            # Nothing refers to it any more: the variable was unset.
            ctypes.memset(behind, ord("x"), len(value))
        at += len(entry) + 1
