"""Tools that behave, and tools that do not."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from runfold.processors.tool import ToolContext, ToolRefusedError, tool

effects: list[str] = []
"""What the tools with side effects did, in order."""

release = threading.Event()
"""Lets tools that hang go on."""


class Receipt(BaseModel):
    order: str
    amount: Decimal


@tool(risk_level=0)
def add(left: int, right: int = 1) -> int:
    """Add two numbers."""
    return left + right


@tool(risk_level=0)
def echoes(said: str, *, fail: bool = False) -> str:
    if fail:
        raise ValueError(said)
    return said


@tool(risk_level=0)
async def whoami(context: ToolContext) -> dict[str, str]:
    return {"run": context.run_id, "tenant": context.tenant_id, "key": context.idempotency_key}


@tool(risk_level=3)
def refund(order: str, amount: Decimal, context: ToolContext) -> Receipt:
    """Pay an order back."""
    effects.append(context.idempotency_key)
    return Receipt(order=order, amount=amount)


@tool(risk_level=1, idempotent=True)
def save(text: str) -> str:
    effects.append(text)
    return text


@tool(risk_level=0)
def raises() -> None:
    raise ZeroDivisionError("no such thing")


@tool(risk_level=0)
def loses_the_connection() -> None:
    raise ConnectionResetError("gone")


@tool(risk_level=3)
def raises_late() -> None:
    effects.append("late")
    raise ZeroDivisionError("after the fact")


@tool(risk_level=3)
def refuses() -> None:
    raise ToolRefusedError("The order is closed.", suggested_next_action="Open it.")


@tool(risk_level=0)
def leaves() -> None:
    sys.exit(3)


@tool(risk_level=0)
async def cancels_itself() -> None:
    raise asyncio.CancelledError


@tool(risk_level=0)
def hangs() -> None:
    release.wait(30)


@tool(risk_level=3)
async def hangs_outside() -> None:
    await asyncio.sleep(30)


@tool(risk_level=2, idempotent=True)
async def hangs_again() -> None:
    await asyncio.sleep(30)


@tool(risk_level=0)
def rubbish(kind: str) -> Any:
    return {"object": object(), "nan": float("nan"), "surrogate": "\ud800"}[kind]


@tool(risk_level=0)
def lies() -> int:
    return "seven"  # type: ignore[return-value]


@tool(risk_level=3)
def lies_outside() -> int:
    effects.append("lie")
    return "seven"  # type: ignore[return-value]


@tool(risk_level=0)
def large(size: int) -> str:
    return "x" * size


@tool(auth=("api.key",), risk_level=0)
def leaks(context: ToolContext, *, fail: bool = False) -> str:
    if fail:
        raise ZeroDivisionError(f"key {context.secret('api.key')} was refused")
    return f"key {context.secret('api.key')} works"


@tool(risk_level=0)
def pries(context: ToolContext) -> str:
    return context.secret("api.key")


@tool(risk_level=2, scopes=("mail.send",))
def sends() -> str:
    return "sent"


@tool(risk_level=3)
def records(folder: str, context: ToolContext) -> str:
    """Leave one file for each execution."""
    place = Path(folder) / context.call_id
    place.mkdir(exist_ok=True)
    (place / f"{len(list(place.iterdir()))}").touch()
    return context.idempotency_key


def unmarked() -> str:
    return "never"


@tool(risk_level=1, idempotent=True)
def records_again(folder: str, context: ToolContext) -> str:
    """Leave one file for each execution; running it again does no harm."""
    return records(folder, context)


@tool(risk_level=0)
async def naps(seconds: float) -> str:
    """Answer after a while."""
    await asyncio.sleep(seconds)
    return "awake"


@tool(risk_level=0, max_concurrency_total=2)
def shares(folder: str, context: ToolContext) -> str:
    """Say that it begins, wait until a file ``end`` is there, and say that it ends."""
    line = f"{os.getpid()} {context.call_id}"
    noted(folder, f"begin {line}")
    while not Path(folder, "end").exists():
        time.sleep(0.02)
    noted(folder, f"end {line}")
    return "done"


def noted(folder: str, line: str) -> None:
    """Append a line in one system call, so that a kill leaves all of it or nothing."""
    descriptor = os.open(Path(folder, "log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)
