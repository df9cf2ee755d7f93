"""What the monitor reads from its environment beside the addresses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runfold.infra.settings.config import ConfigError

DEFAULT_RULES = Path(__file__).with_name("default.yaml")


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """``port`` None lets the process choose a free one; ``stall_s`` is the watchdog's patience."""

    rules: tuple[Path, ...] = (DEFAULT_RULES,)
    host: str = "127.0.0.1"
    port: int | None = None
    stall_s: float = 60.0

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> MonitorSettings:
        """Read the environment; raises ConfigError with a sentence that says what to set."""
        env = os.environ if env is None else env
        files = env.get("RUNFOLD_MONITOR_RULES", "").split(",")
        rules = tuple(Path(file.strip()) for file in files if file.strip())
        port = _number(env, "RUNFOLD_MONITOR_PORT", 65535)
        stall = _number(env, "RUNFOLD_MONITOR_STALL_S", 3600)
        return cls(
            rules=rules or (DEFAULT_RULES,),
            host=env.get("RUNFOLD_MONITOR_HOST", "").strip() or "127.0.0.1",
            port=port,
            stall_s=float(stall or 60),
        )


def _number(env: Mapping[str, str], name: str, most: int) -> int | None:
    text = env.get(name, "").strip()
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise ConfigError(f"{name} must be a number from 1 to {most}, not {text!r}.")
    return int(text)
