"""What a tool pool reads from the environment beside the addresses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from runfold.infra.settings.config import ConfigError


class CodeCheck(StrEnum):
    """What to do where a Python tool's code is not what its contract was published with."""

    REFUSE = "refuse"
    WARN = "warn"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """The modules Python tools may come from, and the pool's bounds.

    ``lease_s`` is how long an owner's claims outlive its last sign of life; ``calls`` is how many
    may be in flight at once; ``code`` is what happens where a tool's code is not what was pinned.
    """

    modules: tuple[str, ...] = ()
    lease_s: float = 10.0
    calls: int = 64
    code: CodeCheck = CodeCheck.REFUSE

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> ToolSettings:
        """Read RUNFOLD_TOOL_MODULES, _CALLS and _CODE, and RUNFOLD_CLAIM_LEASE_S.

        Raises ConfigError for a value that is out of range.
        """
        env = os.environ if env is None else env
        modules = env.get("RUNFOLD_TOOL_MODULES", "").replace(",", " ").split()
        return cls(
            modules=tuple(modules),
            lease_s=_positive(env, "RUNFOLD_CLAIM_LEASE_S", 10.0),
            calls=int(_positive(env, "RUNFOLD_TOOL_CALLS", 64)),
            code=_code_check(env),
        )


def _code_check(env: Mapping[str, str]) -> CodeCheck:
    text = env.get("RUNFOLD_TOOL_CODE", "").strip() or CodeCheck.REFUSE.value
    try:
        return CodeCheck(text)
    except ValueError as error:
        raise ConfigError(f"RUNFOLD_TOOL_CODE is refuse, warn or ignore, not {text!r}.") from error


def _positive(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name, "").strip()
    try:
        value = float(text) if text else default
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 10_000:
        raise ConfigError(f"{name} must be a number from 0.1 to 10000, not {text!r}.")
    return value
