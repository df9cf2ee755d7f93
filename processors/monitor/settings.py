"""What the monitor reads from its environment beside the addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runfold.infra.settings import variables

DEFAULT_RULES = Path(__file__).with_name("default.yaml")


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """``port`` None lets the process choose a free one; ``stall_s`` is the watchdog's patience.

    ``memory_mb`` is the address space that it may take beyond what it starts with.
    """

    rules: tuple[Path, ...] = (DEFAULT_RULES,)
    host: str = "127.0.0.1"
    port: int | None = None
    stall_s: float = 60.0
    memory_mb: int = 2048

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> MonitorSettings:
        """Read the environment; raises ConfigError with a sentence that says what to set."""
        return cls(
            rules=variables.MONITOR_RULES.read(env) or (DEFAULT_RULES,),
            host=variables.MONITOR_HOST.read(env),
            port=variables.MONITOR_PORT.read(env),
            stall_s=float(variables.MONITOR_STALL.read(env)),
            memory_mb=variables.MONITOR_MEMORY.read(env),
        )
