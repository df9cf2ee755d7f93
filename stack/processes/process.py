"""Starting, recognising and ending processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_LAUNCH = Path(__file__).with_name("launch.py")
_LOG_BYTES = 16_000_000


def spawn(
    program: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    user: str = "",
    death_signal: int = signal.SIGKILL,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own that gets ``death_signal`` when we die.

    Must be called from the main thread: the kernel takes the end of the thread that
    started a child for the end of its parent.
    """
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(log.suffix + ".1"))
    launch = [sys.executable, "-I", "-S", str(_LAUNCH)]
    with log.open("ab") as out:
        return subprocess.Popen(
            [*launch, str(int(death_signal)), str(os.getpid()), user, *program],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=dict(env),
            cwd=cwd,
        )


def stop(process: subprocess.Popen[bytes], how: int, seconds: float) -> bool:
    """Ask a process to end, and end its whole session; return whether asking was enough."""
    asked = True
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            asked = False
            process.kill()
            process.wait()
    kill_group(process.pid)
    return asked


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that may have ended by itself, and what it left behind."""
    process.kill()
    process.wait()
    kill_group(process.pid)


def kill_group(leader: int) -> None:
    """End what a session leader may have left behind."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def started_at(pid: int) -> int | None:
    """Return when a live process began, in clock ticks since boot: with its pid, its identity."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else int(fields[19])


def tail(log: Path, wanted: tuple[str, ...] = (), size: int = 20_000) -> str:
    """Return the last line of a log that says what went wrong, or the last line, or nothing."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - size))
        lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in wanted)]
    return (telling or lines or [""])[-1].strip()[:300]
