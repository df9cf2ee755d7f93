"""Somebody at a shell, in a folder of their own, on a stack that is theirs or a colleague's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.stack import wait_until

_SAID = ("RUNFOLD_", "KAFKA_", "DATABASE_", "OPENAI_", "ANTHROPIC_", "PYTHON", "COLUMNS")


@dataclass
class Person:
    """Types lines into bash; ``environment`` is what they have set for Runfold."""

    folder: Path
    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def types(self, line: str, code: int = 0, **more: str) -> str:
        """Run a line and return what it prints, errors included."""
        shell = {n: v for n, v in os.environ.items() if not n.startswith(_SAID)}
        # Where `runfold` is after `make`, as the README says.
        shell["PATH"] = f"{Path(sys.executable).parent}:{shell['PATH']}"
        shell["RUNFOLD_HOME"] = str(self.home)
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=self.folder,
            env=shell | self.environment | more,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == code, f"{line}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def reads(self, line: str) -> Any:
        """Run a line that prints JSON and return what it says."""
        return json.loads(self.types(f"{line} --json"))

    def runs(self, goal: str, agent: str) -> str:
        """Have a run made and watch it to its end; return its id."""
        run_id = str(self.reads(f"runfold run '{goal}' --agent {agent}")["run_id"])
        self.types(f"runfold logs -f {run_id}")
        return run_id

    def sees(self, query: str, row: str) -> None:
        """Ask in SQL until the answer, as CSV, is the one that is expected."""
        wait_until(lambda: self.types(f'runfold sql --csv -c "{query}"').split()[1:] == [row], 90)
