"""Tools that do to their process what they should not."""

from __future__ import annotations

import asyncio
import ctypes
import decimal
import json
import locale
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from runfold.processors.tool import ToolContext, tool


@tool(risk_level=0)
def works(text: str = "done") -> str:
    return text


@tool(risk_level=0)
async def naps(seconds: float) -> int:
    await asyncio.sleep(seconds)
    return os.getpid()


@tool(risk_level=0)
def ends(how: str) -> None:
    _end(how)


@tool(risk_level=0)
async def ends_async(how: str) -> None:
    await asyncio.sleep(0)
    _end(how)


@tool(risk_level=3)
def ends_outside(how: str) -> None:
    _end(how)


@tool(risk_level=2, idempotent=True)
def ends_again(how: str) -> None:
    _end(how)


def _end(how: str) -> None:
    match how:
        case "exit":
            os._exit(9)
        case "abort":
            os.abort()
        case "segfault":
            ctypes.string_at(0)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "closed":
            os.closerange(3, 100)
            time.sleep(0.2)
        case "rubbish":
            for end in _sockets():
                os.write(end, b"\xff" * 64)
            time.sleep(5)
        case "nursery":
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(5)
        case _:
            raise ValueError(how)


def _sockets() -> list[int]:
    found = []
    for number in range(3, 64):
        try:
            with socket.socket(fileno=os.dup(number)) as one:
                one.getpeername()
            found.append(number)
        except OSError:
            continue
    return found


@tool(risk_level=0)
def takes(megabytes: int) -> int:
    """Take memory and give it back."""
    return len(bytearray(megabytes * 1024 * 1024))


@tool(risk_level=0)
def hangs(seconds: float, folder: str = "") -> str:
    time.sleep(seconds)
    if folder:
        Path(folder, "late").touch()
    return "late"


@tool(risk_level=0)
async def holds(seconds: float) -> None:
    """Hold the loop."""
    time.sleep(seconds)  # noqa: ASYNC251


@tool(risk_level=0)
async def swallows(seconds: float) -> str:
    """Be cancelled and go on."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            continue
    return "late"


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Base(BaseException):
    pass


@tool(risk_level=0)
async def raises(what: str) -> None:
    """Raise what no tool should."""
    match what:
        case "exit":
            sys.exit(3)
        case "keyboard":
            raise KeyboardInterrupt
        case "cancelled":
            raise asyncio.CancelledError
        case "cancels":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(5)
        case "beside":
            task = asyncio.create_task(_exits())
            await asyncio.sleep(5)
        case "generator":
            raise GeneratorExit
        case "base":
            raise Base("of its own")
        case "stop":
            asyncio.get_running_loop().stop()
            await asyncio.sleep(5)
        case "unspeakable":
            raise UnspeakableError
        case _:
            raise ValueError(what)


async def _exits() -> None:
    sys.exit(4)


@tool(risk_level=0)
async def leaks(seconds: float) -> int:
    """Leave a task behind."""
    background = asyncio.create_task(asyncio.sleep(seconds))
    await asyncio.sleep(0)
    assert not background.done()
    return os.getpid()


def _folder(folder: str) -> None:
    os.chdir(folder)


def _environment(folder: str) -> None:
    os.environ.clear()
    os.environ["PATH"] = folder


def _umask(_folder: str) -> None:
    os.umask(0)


def _streams(_folder: str) -> None:
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
    os.close(1)
    os.close(2)


def _signals(_folder: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 60)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})


def _locale(_folder: str) -> None:
    locale.setlocale(locale.LC_ALL, "C")


def _decimals(_folder: str) -> None:
    decimal.getcontext().prec = 2


def _trace(_folder: str) -> None:
    sys.settrace(lambda *_: None)


def _process(_folder: str) -> None:
    subprocess.Popen(["sleep", "600"])


def _limits(_folder: str) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))


def _thread(_folder: str) -> None:
    threading.Thread(target=time.sleep, args=(600.0,), daemon=True).start()


def _files(_folder: str) -> None:
    for _ in range(100):
        os.dup(0)


CHANGES = (
    "_folder", "_environment", "_umask", "_streams", "_signals", "_locale", "_decimals", "_trace",
    "_process", "_limits", "_files", "_thread",
)  # fmt: skip


@tool(risk_level=0)
def changes(what: str, folder: str) -> int:
    """Change the process, and say which it is."""
    globals()[what](folder)
    return os.getpid()


@tool(risk_level=0)
def looks(name: str) -> dict[str, Any]:
    """Say what the process is like; ``name`` is a variable that only some calls set."""
    held = os.umask(0o77)
    os.umask(held)
    handler = signal.getsignal(signal.SIGTERM)
    return {
        "pid": os.getpid(),
        "folder": str(Path.cwd()),
        "path": os.environ.get("PATH"),
        "variables": len(os.environ),
        "variable": os.environ.get(name),
        "umask": held,
        "sigterm": str(handler),
        "timer": signal.getitimer(signal.ITIMER_REAL)[0],
        "mask": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "locale": locale.setlocale(locale.LC_ALL),
        "precision": decimal.getcontext().prec,
        "trace": sys.gettrace() is not None,
        "written": os.write(1, b""),
        "streams": [sys.stdout.fileno(), sys.stderr.fileno()],
    }


@tool(risk_level=0)
def says(text: str, times: int = 1) -> None:
    """Write to the standard streams in every way."""
    for _ in range(times):
        print(text)
    print(text, file=sys.stderr)
    sys.stderr.flush()
    os.write(1, os.fsencode(text) + b" \xff\n")
    subprocess.run(["echo", text], check=True)


@tool(risk_level=0, auth=("crm",))
def keeps(context: ToolContext, other: str) -> dict[str, Any]:
    """Keep what it was told and what it found, and read it again."""
    text = json.dumps([context.secret("crm"), other])
    kept = context.artifacts.put(text.encode(), "application/json", "somebody else")
    read = context.artifacts.get(kept.ref, "somebody else")
    return {"ref": kept.ref, "read": read.decode(), "size": kept.size}


@tool(risk_level=0)
def fetches(ref: str, context: ToolContext) -> str:
    return context.artifacts.get(ref, context.tenant_id).decode()


@tool(risk_level=0)
def finds(context: ToolContext) -> dict[str, Any]:
    """Look for secrets in the process, and in the one that started it."""
    block = Path("/proc/self/environ").read_bytes().decode(errors="replace")
    return {
        "environ": dict(os.environ),
        "block": block,
        "command": Path("/proc/self/cmdline").read_text(),
        "given": dict(context.secrets),
        "uid": os.getuid(),
        "groups": os.getgroups(),
    }


@tool(risk_level=0)
def names(what: str) -> Any:
    """Return what is no UTF-8."""
    match what:
        case "path":
            return Path(os.fsdecode(b"/tmp/\xff.txt"))
        case "raised":
            raise FileNotFoundError(2, "gone", os.fsdecode(b"\xff.txt"))
        case "key":
            return {os.fsdecode(b"\xff"): 1}
        case _:
            raise ValueError(what)


@tool(risk_level=0)
def family() -> list[int]:
    """Say who this is and who started it."""
    return [os.getpid(), os.getppid()]


def was_done(idempotency_key: str, context: ToolContext) -> str:
    """Say whether a call has happened, as its folder shows."""
    folder = Path(context.config["folder"])
    if Path(folder, "reconciler-ends").exists():
        os._exit(5)
    return "happened" if Path(folder, idempotency_key).exists() else "did_not"


@tool(risk_level=3, reconcile=was_done)
def acts(how: str, context: ToolContext) -> str:
    """Act, or not, and end the process."""
    if how != "before":
        Path(context.config["folder"], context.idempotency_key).touch()
    os._exit(6)


@tool(risk_level=0)
def keeps_later(context: ToolContext) -> None:
    """Keep something after the call has ended."""

    def later() -> None:
        time.sleep(0.3)
        context.artifacts.put(b"later", "text/plain", context.tenant_id)

    threading.Thread(target=later, daemon=True).start()


@tool(risk_level=0)
def copies() -> int:
    """Make a copy of the process, which goes on as the tool does."""
    os.fork()
    return os.getpid()


TOOLS = (
    copies, keeps_later,
    works, naps, ends, ends_async, ends_outside, ends_again, takes, hangs, holds, swallows, raises,
    leaks, changes, looks, says, keeps, fetches, finds, names, family, acts,
)  # fmt: skip
