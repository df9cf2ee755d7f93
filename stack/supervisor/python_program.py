"""A Runfold process as something to supervise."""

from __future__ import annotations

import hashlib
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from runfold.infra.process.exit_codes import ExitCode
from runfold.infra.process.ready import READY_FILE
from runfold.infra.secrets.taking import for_connections
from runfold.infra.settings.declared.variables import DRAIN, METRICS_ADDRESS
from runfold.infra.settings.errors import ConfigError
from runfold.infra.settings.variable import Variable
from runfold.stack import ports
from runfold.stack.home import Home
from runfold.stack.processes.process import spawn
from runfold.stack.settings import Settings
from runfold.stack.supervisor import last_words
from runfold.stack.supervisor.plan import Process

T = TypeVar("T")

_LOOPBACKS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not opened
INSTANCE = "RUNFOLD_INSTANCE"
METRICS_PORT = "RUNFOLD_METRICS_PORT"

_DEVELOPMENT = {"RUNFOLD_TOOL_CODE": "warn"}
"""What holds on a stack of one's own unless the environment says otherwise."""


@dataclass
class PythonProgram:
    """``python …`` with the addresses of the stack in its environment.

    ``secrets`` are variables that the supervisor's own environment holds no longer,
    ``environment`` is all else.
    """

    spec: Process
    settings: Settings
    home: Home
    secrets: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: int = signal.SIGTERM
    refusals: frozenset[int] = frozenset({ExitCode.WRONG_SETTINGS})
    metrics_port: int | None = field(default=None, init=False)
    _began_at: int = field(default=0, init=False)

    @property
    def name(self) -> str:
        """The name of its log, its ready file and its line in the status."""
        return self.spec.name

    @property
    def once(self) -> bool:
        """Whether it has done its work when it ends with 0."""
        return self.spec.once

    @property
    def stop_seconds(self) -> float:
        """How long it may take to end: what makes calls lets them end, and then reports them."""
        return self.spec.stop_seconds + (self._meant(DRAIN) if self.spec.calls else 0.0)

    @property
    def metrics_address(self) -> str:
        """Where on this machine its port is."""
        address = self._meant(METRICS_ADDRESS)
        return _LOOPBACKS.get(address, address)

    @property
    def given(self) -> dict[str, str]:
        """The secrets that it is started with."""
        if self.spec.calls:
            return dict(self.secrets)
        wanted = self.spec.secrets
        asked = {name: value for name, value in self.secrets.items() if name.startswith(wanted)}
        return for_connections(self.secrets) | asked

    def start(self) -> subprocess.Popen[bytes]:
        """Start it; it is not ready before it says so again."""
        self._ready_file.unlink(missing_ok=True)
        metrics = {}
        if not self.spec.once:
            name = f"metrics-{self.name}"
            self.metrics_port = ports.claim(self.home.run / "ports.json", (name,))[name]
            metrics = {METRICS_PORT: str(self.metrics_port)}
        self._began_at = self._log.stat().st_size if self._log.exists() else 0
        return spawn(
            [sys.executable, *self.spec.arguments],
            log=self._log,
            env={
                **_DEVELOPMENT,
                **self.environment,
                **self.given,
                **self.settings.to_env(),
                **metrics,
                INSTANCE: self._instance,
                READY_FILE: str(self._ready_file),
            },
        )

    def is_ready(self) -> bool:
        """Return whether it has announced itself; alive is enough for one that never does."""
        if self.spec.once:
            return False
        return not self.spec.announces or self._ready_file.exists()

    def why_it_ended(self) -> str:
        """Return the line of its log that tells most."""
        return last_words.why_it_ended(self._log, self._began_at)

    def why_it_was_killed(self) -> str:
        """Return what its log says of a signal that ended it."""
        return last_words.why_it_was_killed(self._log, self._began_at)

    def stopped(self, *, cleanly: bool) -> None:  # noqa: ARG002 - the port has it
        """It is not ready any more."""
        self._ready_file.unlink(missing_ok=True)

    def _meant(self, variable: Variable[T]) -> T:
        try:
            return variable.read(self.environment)
        except ConfigError:
            # The process itself says so and ends.
            return variable.default

    @property
    def _instance(self) -> str:
        """A name that outlives the process, so that a new one may take the old one's place."""
        deployment = hashlib.sha256(str(self.home.root).encode()).hexdigest()[:8]
        return f"{socket.gethostname()}-{deployment}-{self.name}".replace(" ", "-")

    @property
    def _log(self) -> Path:
        return self.home.logs / f"{self.name}.log"

    @property
    def _ready_file(self) -> Path:
        return self.home.run / f"{self.name}.ready"
