"""A process that stands still ends itself, even when one call holds the interpreter."""

from __future__ import annotations

import subprocess
import sys

from runfold.infra.process.watchdog import EXIT_STUCK

_HOLDS_THE_INTERPRETER = """
import re
from runfold.infra.process.watchdog import Watchdog
Watchdog(0.3).beat()
re.match(r"(a+)+$", "a" * 60 + "!")
"""

_STANDS_STILL = """
import threading
from runfold.infra.process.watchdog import Watchdog
Watchdog(0.3).beat("tying its shoes")
threading.Event().wait()
"""

_LIVES = """
import time
from runfold.infra.process.watchdog import Watchdog
dog = Watchdog(0.6)
until = time.monotonic() + 1.2
while time.monotonic() < until:
    dog.beat()
    time.sleep(0.02)
dog.off()
time.sleep(0.8)
"""


def _run(program: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=60, check=False
    )


def test_a_process_that_holds_the_interpreter_is_ended_with_its_stack() -> None:
    ended = _run(_HOLDS_THE_INTERPRETER)
    assert ended.returncode == 1
    assert b"Timeout" in ended.stderr


def test_a_process_that_stands_still_is_ended_and_says_in_what() -> None:
    ended = _run(_STANDS_STILL)
    assert ended.returncode == EXIT_STUCK
    assert b"most recent call first" in ended.stderr
    assert b"the process ends: stuck in tying its shoes for more than" in ended.stderr


def test_a_process_that_beats_lives_on() -> None:
    assert _run(_LIVES).returncode == 0
