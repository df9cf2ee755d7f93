"""The tools of the agent that is worked while processes die; their contracts name the files."""

from __future__ import annotations

import os
import time
from pathlib import Path

from runfold.events.definitions import RetryPolicy
from runfold.events.values import Placement
from runfold.processors.tool import ToolContext, ToolRefusedError, tool

_AGAIN = RetryPolicy(max_attempts=6, initial_ms=20)


def _note(context: ToolContext, name: str, line: str) -> None:
    """Append one line in one system call, so that a kill leaves all of it or nothing."""
    path = Path(context.config["folder"]) / name
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


@tool(name="crash.here", placement=Placement.LOCAL, timeout_ms=60_000, retry=_AGAIN, risk_level=0)
def here(what: str, context: ToolContext) -> str:
    """Look something up in the run processor's own process."""
    _note(context, "reads", context.idempotency_key)
    return f"{what} is here"


@tool(name="crash.there", timeout_ms=60_000, retry=_AGAIN, risk_level=0)
def there(what: str, context: ToolContext) -> str:
    """Look something up in the pool; the first attempt fails, the second takes its time."""
    _note(context, "reads", context.idempotency_key)
    if context.attempt == 1:
        # No fault that counts against the tool: its circuit would open, and calls be held.
        raise ToolRefusedError("try again", retryable=True)
    time.sleep(context.config["seconds"])
    return f"{what} is there"


@tool(name="crash.pay", risk_level=3, approval="never", timeout_ms=60_000)
def pay(amount: int, context: ToolContext) -> str:
    """Pay, which must not happen twice: one line in the ledger for each time it happened."""
    time.sleep(context.config["seconds"])
    _note(context, "ledger", context.idempotency_key)
    return f"paid {amount}"


@tool(name="crash.file", risk_level=1, approval="always", idempotent=True, timeout_ms=60_000)
def file(text: str, context: ToolContext) -> str:
    """File a note, which needs a person's approval and may be done again."""
    _note(context, "filed", context.idempotency_key)
    return f"filed {text}"


TOOLS = (here, there, pay, file)
