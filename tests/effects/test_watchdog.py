"""A process that stands still ends itself, even when one call holds the interpreter."""

from __future__ import annotations

import subprocess
import sys

_HOLDS_THE_INTERPRETER = """
import re
from processors.effects.watchdog import Watchdog
Watchdog(0.3).beat()
re.match(r"(a+)+$", "a" * 60 + "!")
"""

_LIVES = """
import time
from processors.effects.watchdog import Watchdog
dog = Watchdog(0.3)
until = time.monotonic() + 0.7
while time.monotonic() < until:
    dog.beat()
    time.sleep(0.02)
dog.off()
time.sleep(0.4)
"""


def _run(program: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=20, check=False
    )


def test_a_process_that_holds_the_interpreter_is_ended_with_its_stack() -> None:
    ended = _run(_HOLDS_THE_INTERPRETER)
    assert ended.returncode == 1
    assert b"Timeout" in ended.stderr


def test_a_process_that_beats_lives_on() -> None:
    assert _run(_LIVES).returncode == 0
