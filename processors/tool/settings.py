"""What a tool pool reads from the environment beside the addresses."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from runfold.infra.credentials.keys import NAME
from runfold.infra.secrets.chosen import every_secret
from runfold.infra.secrets.port import SecretStore
from runfold.infra.secrets.without import Without
from runfold.infra.settings.declared import variables
from runfold.infra.settings.errors import ConfigError
from runfold.processors.tool.call_log import BY_LEVEL
from runfold.processors.tool.children.children import Children
from runfold.processors.tool.children.settings import ChildSettings


class CodeCheck(StrEnum):
    """What to do where a Python tool's code is not what its contract was published with."""

    REFUSE = "refuse"
    WARN = "warn"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """The modules Python tools may come from, and the pool's bounds.

    ``lease_s`` is how long an owner's claims outlive its last sign of life; ``calls`` is how many
    may be in flight at once; ``code`` is what happens where a tool's code is not what was
    pinned; ``deaths`` is how many processes may die of one call. ``memory_mb`` and ``user`` are
    those of the processes that run Python tools. ``log`` is what of executions is logged at least.
    """

    modules: tuple[str, ...] = ()
    lease_s: float = 10.0
    calls: int = 64
    code: CodeCheck = CodeCheck.REFUSE
    secrets_folder: Path | None = None
    deaths: int = 3
    memory_mb: int = 4096
    user: str = ""
    log: str = BY_LEVEL

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> ToolSettings:
        """Read the environment; raises ConfigError with a sentence that says what to set."""
        return cls(
            modules=variables.TOOL_MODULES.read(env),
            lease_s=variables.CLAIM_LEASE.read(env),
            calls=variables.TOOL_CALLS.read(env),
            code=CodeCheck(variables.TOOL_CODE.read(env)),
            secrets_folder=variables.SECRETS_FOLDER.read(env),
            deaths=variables.TOOL_DEATHS.read(env),
            memory_mb=variables.TOOL_MEMORY.read(env),
            user=_user(variables.TOOL_USER.read(env)),
            log=variables.TOOL_LOG.read(env),
        )

    def children(self, masks: Sequence[str]) -> Children:
        """Return what runs Python tools outside this process."""
        return Children(self.modules, ChildSettings(self.memory_mb, self.user), masks)

    def secrets(self, taken: Mapping[str, str]) -> SecretStore:
        """Return where secrets of tools come from: all but those that are Runfold's own."""
        return Without(self.every_secret(taken), NAME)

    def every_secret(self, taken: Mapping[str, str]) -> SecretStore:
        """Return where secrets come from: what was taken, then the folder, then a Vault."""
        return every_secret(taken, self.secrets_folder)


def _user(name: str) -> str:
    """Return whom tools run as; raises ConfigError where this process cannot make it so."""
    if not name:
        return ""
    variable = variables.TOOL_USER.name
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        raise ConfigError(f"{variable} must be a user of this machine, not {name!r}.") from None
    if account.pw_uid == os.geteuid():
        return ""
    if os.geteuid() != 0:
        raise ConfigError(f"{variable} is {name}, and only root can run tools as somebody else.")
    return name
