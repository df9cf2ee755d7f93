"""What the monitor reads from its environment beside the addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runfold.infra.settings.declared import variables
from runfold.processors.monitor.core.runs import MOST_ENDED
from runfold.processors.monitor.core.store import SUBJECTS

DEFAULT_RULES = Path(__file__).with_name("default.yaml")


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """``port`` None lets the process choose a free one; ``stall_s`` is the watchdog's patience.

    ``memory_mb`` is the address space that it may take beyond what it starts with. ``ended`` and
    ``subjects`` are the bounds of what the monitor remembers.
    """

    rules: tuple[Path, ...] = (DEFAULT_RULES,)
    host: str = "127.0.0.1"
    port: int | None = None
    stall_s: float = 60.0
    memory_mb: int = 2048
    ended: int = MOST_ENDED
    subjects: int = SUBJECTS

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> MonitorSettings:
        """Read the environment; raises ConfigError with a sentence that says what to set."""
        return cls(
            rules=variables.MONITOR_RULES.read(env) or (DEFAULT_RULES,),
            host=variables.MONITOR_HOST.read(env),
            port=variables.MONITOR_PORT.read(env),
            stall_s=float(variables.MONITOR_STALL.read(env)),
            memory_mb=variables.MONITOR_MEMORY.read(env),
            ended=variables.MONITOR_ENDED.read(env),
            subjects=variables.MONITOR_SUBJECTS.read(env),
        )
