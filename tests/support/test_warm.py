"""A warm process is like one that was started cold: what it is given, says, and ends with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import warm

MODULE = "tests.support.warm.example"


def cold(*words: str, env: dict[str, str], said: Path) -> tuple[int, str]:
    with said.open("wb") as file:
        done = subprocess.run(
            [sys.executable, "-m", *words], env=env, cwd=warm.ROOT, stdout=file, stderr=file,
            check=False, timeout=60,
        )  # fmt: skip
    return done.returncode, said.read_text()


def warmly(*words: str, env: dict[str, str], said: Path) -> tuple[int, str]:
    with said.open("wb") as file:
        process = warm.start(*words, env=env, stdout=file, stderr=file)
    return process.wait(60), said.read_text()


@pytest.mark.parametrize(
    "words", [("exit", "7"), ("raise",), ("die",), ("say", "a b"), ("nothing",), ("failpoint",)]
)
def test_it_says_and_ends_with_what_a_cold_one_does(words: tuple[str, ...], tmp_path: Path) -> None:
    env = {**os.environ, "EXAMPLE": "7", "RUNFOLD_FAILPOINT": "example"}
    del env["PATH"]
    found = warmly(MODULE, *words, env=env, said=tmp_path / "warm")
    expected = cold(MODULE, *words, env=env, said=tmp_path / "cold")
    assert found[0] == expected[0]
    # A trace has the lines of how it was started before its own.
    assert found[1].splitlines()[-1:] == expected[1].splitlines()[-1:]


def test_a_module_that_is_not_there_says_so(tmp_path: Path) -> None:
    code, said = warmly("tests.support.warm.missing", env={**os.environ}, said=tmp_path / "said")
    assert code == 1
    assert "No module named" in said


def test_it_is_waited_for_killed_and_reaped() -> None:
    process = warm.start(MODULE, "sleep", env=os.environ)
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.05)
    process.kill()
    assert process.wait(30) == -signal.SIGKILL == process.poll() == process.returncode
    assert not Path(f"/proc/{process.pid}/cmdline").exists()
    process.kill()


def test_it_ends_with_whoever_asked_for_it(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    program = (
        "import os, sys; from tests.support import warm\n"
        f"print(warm.start({MODULE!r}, 'sleep', env=os.environ).pid)\n"
    )
    with pids.open("wb") as file:
        subprocess.run(
            [sys.executable, "-c", program], cwd=warm.ROOT, stdout=file, check=True, timeout=60
        )
    gone, until = Path(f"/proc/{int(pids.read_text())}"), time.monotonic() + 30
    while gone.exists() and "Z" not in (gone / "stat").read_text().split()[2]:
        assert time.monotonic() < until
        time.sleep(0.05)
