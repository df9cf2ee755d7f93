"""The run that every system makes: six model and five tool calls, 11 steps; standard library only.

A goal says how long the model thinks and how large contents are, so that no process has to be
started again for another load. Every call appends one line to a ledger outside of the system under
test, with one write: the tools' lines are the external effects.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

TOOL_CALLS = 5
MODEL_CALLS = TOOL_CALLS + 1
STEPS = TOOL_CALLS + MODEL_CALLS
LEDGER = "RUNFOLD_BENCH_LEDGER"
"""The variable that names the ledger."""

MODEL, TOOL = "model", "tool"
_TEXT_WORDS = 16


@dataclass(frozen=True, slots=True)
class Load:
    """How long a model call takes, and the size of its text and of a tool's result in bytes."""

    model_ms: int = 0
    content_bytes: int = 100

    def goal(self) -> str:
        """Return the goal that asks for this load."""
        return f"{self.model_ms} {self.content_bytes} Find five things and say what they are."


@lru_cache(64)
def load_of(goal: str) -> Load:
    """Return the load that a goal asks for."""
    model_ms, content_bytes, _ = goal.split(" ", 2)
    return Load(int(model_ms), int(content_bytes))


def prose(seed: str, size: int) -> str:
    """Return so many bytes of words that differ by seed, so that compression sees few repeats."""
    texts, at = _texts(), zlib.crc32(seed.encode())
    parts, length = [], 0
    while length < size:
        parts.append(texts[at % len(texts)])
        length += len(parts[-1]) + 1
        at = at * 1_103_515_245 + 12_345 & 0xFFFFFFFF
    return " ".join(parts)[:size]


async def model(run_id: str, goal: str, turn: int) -> dict[str, Any]:
    """Ask for tool call ``turn``, counted from 0, or give the answer after the last one."""
    began = time.monotonic_ns()
    if thinks_ms := load_of(goal).model_ms:
        await asyncio.sleep(thinks_ms / 1000)
    note(run_id, MODEL, turn, began)
    return said(run_id, goal, turn)


async def tool(run_id: str, arguments: Mapping[str, Any], key: str = "-") -> dict[str, Any]:
    """Have the external effect under an idempotency key, and find something."""
    note(run_id, TOOL, arguments["n"], time.monotonic_ns(), key)
    seed = f"{run_id}/{arguments['n']}/result"
    return {"type": "tool_result", "content": prose(seed, len(arguments["query"]))}


def said(run_id: str, goal: str, turn: int) -> dict[str, Any]:
    """Return a model's answer: a text, and a tool call unless it is the last."""
    words = prose(f"{run_id}/{turn}", load_of(goal).content_bytes)
    if turn == TOOL_CALLS:
        return {"type": "answer", "content": words}
    arguments = {"n": turn, "query": words}
    return {"type": "tool_call", "content": words, "name": "lookup", "arguments": arguments}


def note(run_id: str, kind: str, number: int, began_ns: int, key: str = "-") -> None:
    """Append a call to the ledger: run, kind, number, begin and end on the monotonic clock, key."""
    line = f"{run_id} {kind} {number} {began_ns} {time.monotonic_ns()} {key}\n"
    os.write(_ledger(), line.encode())


@cache
def _ledger() -> int:
    return os.open(os.environ[LEDGER], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


@cache
def _texts() -> tuple[str, ...]:
    chance = random.Random(7)
    words = [
        "".join(chance.choice("etaoinshrdlucmfwypvbgk") for _ in range(chance.randint(2, 9)))
        for _ in range(1500)
    ]
    return tuple(" ".join(chance.choice(words) for _ in range(_TEXT_WORDS)) for _ in range(3000))
