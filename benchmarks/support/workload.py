"""The run that is measured: five model and five tool calls, and the final answer: 11 steps."""

from __future__ import annotations

import random
import zlib

from runfold.events.definitions import AgentDefinition, Definition, ModelChoice, ToolContract
from runfold.events.values import Limits, Placement

MODEL_CALLS = 6
TOOL_CALLS = 5
STEPS = MODEL_CALLS + TOOL_CALLS
AGENT = "bench"
TOOL = "bench.lookup"

_random = random.Random(7)
_WORDS = [
    "".join(_random.choice("etaoinshrdlucmfwypvbgk") for _ in range(_random.randint(2, 9)))
    for _ in range(1500)
]
_TEXTS = [" ".join(_random.choice(_WORDS) for _ in range(16)) for _ in range(3000)]


def prose(seed: str) -> str:
    """Return about 100 bytes of text that differ by seed, so that compression sees no repeats."""
    return _TEXTS[zlib.crc32(seed.encode()) % len(_TEXTS)]


def definitions() -> tuple[Definition, ...]:
    """Return the agent and its tool."""
    tool = ToolContract(
        name=TOOL,
        version="1.0",
        description="Looks something up.",
        input_schema={
            "type": "object",
            "properties": {"n": {"type": "integer"}, "query": {"type": "string"}},
            "required": ["n", "query"],
        },
        risk_level=0,
        placement=Placement.LOCAL,
        implementation="builtin:bench",
    )
    agent = AgentDefinition(
        name=AGENT,
        version="1.0",
        instructions="Look five things up, then finish.",
        prompt_version="1",
        model=ModelChoice(name="stub:stub"),
        tools=(TOOL,),
        limits=Limits(max_model_calls=10_000, max_tool_calls=10_000, max_identical_calls=5),
    )
    return tool, agent
