"""What mypy, in strict mode, says of a user's program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.packaging.building import PATIENCE_S, Environment, clean_environment

PROGRAM = """
import runfold


def ask(client: runfold.Client) -> str:
    run = client.run("Say hello", agent="hello", limits=runfold.Limits())
    return run.wait(timeout=60).status


def ask_wrongly(client: runfold.Client) -> int:
    return client.run("Say hello", agent="hello", limits=3).id
"""

COMPLAINTS = """\
program.py:11: error: Incompatible return value type (got "str", expected "int")  [return-value]
program.py:11: error: Argument "limits" to "run" of "Client" has incompatible type "int"; \
expected "Limits"  [arg-type]
"""


def mypy(environment: Environment, program: str, at: Path) -> str:
    """Return what mypy prints for a program that is run in this environment.

    The types of the dependencies are read once: every environment finds them in one folder.
    """
    (at / "program.py").write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--no-color-output",
         "--python-executable", environment.python,
         "--cache-dir", environment.folder.parent / "mypy", "program.py"],
        cwd=at, env=clean_environment(), capture_output=True, text=True,
        timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr
