"""The tools of the runs under torture: they act on the ledger, fail, hang and answer twice."""

from __future__ import annotations

import os
import signal
import time
import zlib
from pathlib import Path

from confluent_kafka import Producer

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.calls import Outcome, ToolResult
from runfold.events.contents.content import json_content
from runfold.events.definitions import RetryPolicy
from runfold.events.values import Placement
from runfold.processors.tool import ToolContext, ToolRefusedError, tool
from tests.system.torture.simulation.ledger import ACTED, BEGAN, DIES, LEFT, Ledger

_AGAIN = RetryPolicy(max_attempts=12, initial_ms=50, max_ms=2000)
_TWICE = RetryPolicy(max_attempts=2, initial_ms=50, max_ms=200)
_LONG_MS = 60_000
_SHORT_MS = 1500
_HANG_S = 2.5

ONCE = (
    "world.pay",
    "world.break",
    "world.stall",
    "world.tell",
    "world.queue",
    "world.once",
    "world.last",
    "world.send",
)
"""The tools that are not idempotent: no key may be acted on twice."""

UNRELIABLE = ("world.break", "world.stall")
"""Those whose first attempt ends in doubt even where nothing dies."""


def _ledger(context: ToolContext) -> Ledger:
    return Ledger(Path(context.config["ledger"]))


def _note(context: ToolContext, name: str, phase: str) -> None:
    _ledger(context).note(phase, name, context)


def _pause(context: ToolContext) -> float:
    return zlib.crc32(context.call_id.encode()) % 80 / 1000


def _act(context: ToolContext, name: str) -> None:
    """Enter, take a while, act, take a while: a kill finds every moment."""
    pause = _pause(context)
    _note(context, name, BEGAN)
    time.sleep(pause)
    _note(context, name, ACTED)
    time.sleep(pause)


@tool(name="world.look", placement=Placement.LOCAL, timeout_ms=_LONG_MS, retry=_AGAIN, risk_level=0)
def look(what: str, context: ToolContext) -> str:
    """Look something up in the run processor's own process."""
    _note(context, "world.look", ACTED)
    return f"{what} is here"


@tool(name="world.fetch", timeout_ms=_LONG_MS, retry=_AGAIN, risk_level=0)
def fetch(what: str, context: ToolContext) -> str:
    """Fetch something; the first attempt fails."""
    _note(context, "world.fetch", ACTED)
    if context.attempt == 1:
        # It says nothing of the tool's health: with its circuit open, runs would wait for minutes.
        raise ToolRefusedError("try again", retryable=True)
    # Long enough for what is said again of the first attempt to arrive meanwhile.
    time.sleep(4 * _pause(context))
    return f"{what} is fetched"


@tool(name="world.pay", risk_level=3, approval="never", timeout_ms=_LONG_MS)
def pay(amount: int, context: ToolContext) -> str:
    """Pay, which must not happen twice."""
    _act(context, "world.pay")
    _note(context, "world.pay", LEFT)
    return f"paid {amount}"


@tool(name="world.note", risk_level=2, approval="never", idempotent=True, retry=_AGAIN)
def note(text: str, context: ToolContext) -> str:
    """Write a note, which may be written again."""
    _act(context, "world.note")
    return f"noted {text}"


@tool(name="world.file", risk_level=1, approval="always", idempotent=True, retry=_AGAIN)
def file(text: str, context: ToolContext) -> str:
    """File something with a person's approval."""
    _act(context, "world.file")
    return f"filed {text}"


@tool(name="world.hang", timeout_ms=_SHORT_MS, retry=_AGAIN, risk_level=0)
def hang(what: str, context: ToolContext) -> str:
    """Answer too late at first."""
    if context.attempt == 1:
        time.sleep(_HANG_S)
    return f"{what} at last"


@tool(name="world.break", risk_level=3, approval="never", timeout_ms=_LONG_MS)
def break_(amount: int, context: ToolContext) -> str:
    """Fail at first, half of the time after having acted."""
    if context.attempt == 1:
        _note(context, "world.break", BEGAN)
        if zlib.crc32(context.call_id.encode()) % 2:
            _note(context, "world.break", ACTED)
        raise ValueError("broken in the middle")
    _act(context, "world.break")
    return f"paid {amount} at last"


@tool(name="world.stall", risk_level=3, approval="never", timeout_ms=_SHORT_MS)
def stall(amount: int, context: ToolContext) -> str:
    """Act, and answer too late at first."""
    _act(context, "world.stall")
    if context.attempt == 1:
        time.sleep(_HANG_S)
    return f"paid {amount}"


@tool(name="world.twice", timeout_ms=_LONG_MS, retry=_AGAIN, risk_level=0)
def twice(what: str, context: ToolContext) -> str:
    """Report a result of its own beside the one that is returned."""
    said = ToolResult(
        run_id=context.run_id,
        call_id=context.call_id,
        attempt=context.attempt,
        outcome=Outcome.SUCCEEDED,
        latency_ms=0,
        result=json_content("said behind the back"),
    )
    value = Codec(LockRegistry()).encode(topics.RESULTS, said)
    producer = Producer(
        {
            "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
            "partitioner": "murmur2_random",
            "log_level": 0,
        }
    )
    producer.produce(topics.RESULTS, value, context.run_id.encode())
    producer.flush(5)
    return f"{what} twice"


def was_told(idempotency_key: str, context: ToolContext) -> str:
    """Say whether ``tell`` has acted, after making sure that it acts no more if it has not."""
    return "happened" if _ledger(context).void(idempotency_key) else "did_not"


@tool(name="world.tell", risk_level=3, approval="never", timeout_ms=_LONG_MS, reconcile=was_told)
def tell(what: str, context: ToolContext) -> str:
    """Tell somebody, which must not happen twice, and can be asked about."""
    pause = _pause(context)
    _note(context, "world.tell", BEGAN)
    time.sleep(pause)
    if not _ledger(context).act("world.tell", context):
        raise PermissionError("this process was taken for dead")
    time.sleep(pause)
    return f"{what} told"


@tool(name="world.die", timeout_ms=_LONG_MS, retry=_AGAIN, risk_level=0)
def die(what: str, context: ToolContext) -> str:
    """End the process that runs it, whenever it is called."""
    _note(context, "world.die", DIES)
    os.kill(os.getpid(), signal.SIGKILL)
    return f"{what} was survived"


@tool(name="world.peek", placement=Placement.LOCAL, max_concurrency=1, risk_level=0)
def peek(what: str, context: ToolContext) -> str:
    """Look in the run processor's own process, one after another: most of the calls queue."""
    _note(context, "world.peek", ACTED)
    time.sleep(0.4)
    return f"{what} was seen"


@tool(name="world.queue", max_concurrency=1, risk_level=3, approval="never", timeout_ms=_LONG_MS)
def queue(amount: int, context: ToolContext) -> str:
    """Pay, one after another: most of the calls queue."""
    _note(context, "world.queue", BEGAN)
    time.sleep(0.3)
    _note(context, "world.queue", ACTED)
    _note(context, "world.queue", LEFT)
    return f"paid {amount} in turn"


@tool(name="world.slow", max_concurrency=1, timeout_ms=_LONG_MS, risk_level=0)
def slow(what: str, context: ToolContext) -> str:
    """Take half a second, one after another."""
    _note(context, "world.slow", BEGAN)
    time.sleep(0.5)
    return f"{what} took its time"


@tool(name="world.quick", timeout_ms=_LONG_MS, risk_level=0)
def quick(what: str, context: ToolContext) -> str:
    """Answer at once."""
    _note(context, "world.quick", BEGAN)
    return f"{what} took no time"


@tool(name="world.try", risk_level=1, approval="never", idempotent=True, retry=_TWICE)
def try_(what: str, context: ToolContext) -> str:
    """Fail when it is entered for the first time; two tries are all that it has."""
    entered = _ledger(context).entered(context.call_id)
    _note(context, "world.try", BEGAN)
    if not entered:
        raise ToolRefusedError("try again", retryable=True)
    _note(context, "world.try", ACTED)
    return f"{what} at the second try"


@tool(name="world.once", risk_level=3, approval="never", timeout_ms=_LONG_MS, retry=_TWICE)
def once(amount: int, context: ToolContext) -> str:
    """Pay at once; two tries are all that it has."""
    _note(context, "world.once", BEGAN)
    _note(context, "world.once", ACTED)
    _note(context, "world.once", LEFT)
    return f"paid {amount} once"


@tool(name="world.last", risk_level=3, approval="never", timeout_ms=_LONG_MS)
def last(amount: int, context: ToolContext) -> str:
    """Take three seconds for a payment: whoever is told to end meanwhile must wait for it."""
    _note(context, "world.last", BEGAN)
    time.sleep(3)
    _note(context, "world.last", ACTED)
    _note(context, "world.last", LEFT)
    return f"paid {amount} at length"


@tool(name="world.send", risk_level=3, timeout_ms=_LONG_MS)
def send(amount: int, context: ToolContext) -> str:
    """Send what two persons have approved, which must not happen twice."""
    _act(context, "world.send")
    _note(context, "world.send", LEFT)
    return f"sent {amount}"


TOOLS = (
    *(look, fetch, pay, note, file, hang, break_, stall, twice, tell, die),
    *(peek, queue, slow, quick, try_, once, last, send),
)
