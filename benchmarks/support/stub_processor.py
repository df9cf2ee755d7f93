"""A run processor whose model and tools are stubs that answer at once.

Everything else is the product: lanes, journal, policy, checkpoints, cost. The model asks for one
tool after another and then completes; each tool call appends one line to a ledger.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path

from benchmarks.support.workload import MODEL_CALLS, TOOL, prose
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.calls import ModelResult, ModelWork, Outcome, Role, ToolResult, ToolWork
from runfold.events.contents.content import json_content, text
from runfold.events.values import ModelAnswer, PriceSnapshot, ProposedCall, Usage
from runfold.infra.logging.json_lines import log_to_stderr
from runfold.infra.metrics.serving import serve_metrics
from runfold.infra.process.gc import collect_seldom
from runfold.infra.process.ready import announce
from runfold.infra.settings.config import Config
from runfold.infra.tracing.spans import Traces
from runfold.processors.definitions.follower import DefinitionFollower
from runfold.processors.definitions.kafka import KafkaDefinitionLog
from runfold.processors.effects.kinds import Served
from runfold.processors.effects.local import LocalEffects
from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.kafka.runner import Engine
from runfold.processors.model.kind import MODEL_CALL
from runfold.processors.run.aggregate import RUNS
from runfold.processors.tool.kind import TOOL_CALL

_PRICE = PriceSnapshot(source="bench", model="stub", input_mtok=Decimal(3), output_mtok=Decimal(15))
_USAGE = Usage(input_tokens=900, output_tokens=60)
_COST = Decimal("0.0036")


async def answer(work: ModelWork, calls: int = MODEL_CALLS) -> ModelResult:
    """Answer a model call at once."""
    return answered(work, calls)


def answered(work: ModelWork, calls: int = MODEL_CALLS) -> ModelResult:
    """Ask for the next tool call, or complete with the last of so many calls."""
    turn = sum(1 for message in work.messages if message.role is Role.ASSISTANT)
    last = turn == calls - 1
    name = "complete_task" if last else TOOL
    words = prose(work.call_id)
    arguments = {"summary": words} if last else {"n": turn, "query": words}
    call = ProposedCall(id=f"call_{turn}", name=name, arguments=json_content(arguments))
    return reply(work, call, words)


def reply(work: ModelWork, call: ProposedCall, words: str) -> ModelResult:
    """Return what a stub says that proposes a call, at a price of its own."""
    return ModelResult(
        run_id=work.run_id,
        call_id=work.call_id,
        attempt=work.attempt,
        outcome=Outcome.SUCCEEDED,
        model="stub:stub",
        provider="stub",
        latency_ms=0,
        answer=ModelAnswer(text=text(words), tool_calls=(call,), finish_reason="tool_calls"),
        usage=_USAGE,
        cost=_COST,
        price=_PRICE,
    )


class Ledger:
    """The external effect: one appended line a tool call."""

    def __init__(self, path: Path) -> None:
        """Open the file for appending."""
        self._file = path.open("a", buffering=1)

    async def call(self, work: ToolWork) -> ToolResult:
        """Write the line and answer."""
        self._file.write(f"{work.call_id}\n")
        return found(work)


def found(work: ToolWork) -> ToolResult:
    """Return what the stub of the tool finds."""
    return ToolResult(
        run_id=work.run_id,
        call_id=work.call_id,
        attempt=work.attempt,
        outcome=Outcome.SUCCEEDED,
        latency_ms=0,
        result=json_content({"found": prose(work.idempotency_key + "/result")}),
    )


def main(arguments: Sequence[str]) -> int:
    """Run until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=MODEL_CALLS, help="model calls a run")
    parser.add_argument("--partitions", type=int, nargs="*", help="own these, else all")
    chosen = parser.parse_args(arguments)
    log_to_stderr()
    config = Config.from_env()
    serve_metrics(config.metrics_port)
    ledger = Ledger(config.need_home() / "ledger.txt")
    codec = Codec(LockRegistry())
    assert config.partitions
    with DefinitionFollower(KafkaDefinitionLog(config.kafka, codec)) as store:
        store.wait_ready(30)
        model = partial(answer, calls=chosen.calls)
        effects = LocalEffects(
            Served(MODEL_CALL, model, at_once=10_000),
            Served(TOOL_CALL, ledger.call, at_once=10_000),
            traces=Traces.from_env("bench"),
        )
        engine_config = EngineConfig(
            kafka=config.kafka,
            partitions=config.partitions,
            fixed=tuple(chosen.partitions) if chosen.partitions else None,
        )
        engine = Engine(engine_config, RUNS, codec, store, effects)
        collect_seldom()
        announce()
        try:
            return engine.run()
        finally:
            effects.close(0)
            if profile := os.environ.get("RUNFOLD_BENCH_DONE"):
                Path(profile).touch()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
