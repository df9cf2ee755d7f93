"""The run processor as the product has it, but for the model, which is the benchmark's."""

from __future__ import annotations

import sys

from benchmarks.peers.agent import work
from benchmarks.peers.runfold import definitions as defined
from benchmarks.support.stub_processor import reply
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.calls import Message, ModelResult, ModelWork, Role
from runfold.events.contents.content import json_content
from runfold.events.definitions import ToolContract
from runfold.events.values import ProposedCall
from runfold.infra.artifacts.files import FileArtifacts
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
from runfold.processors.tool.processor import ToolProcessor


async def answer(asked: ModelWork) -> ModelResult:
    """Ask for the next tool call, or complete after the last one."""
    turn = sum(1 for message in asked.messages if message.role is Role.ASSISTANT)
    said = await work.model(asked.run_id, _goal(asked.messages), turn)
    if said["type"] == "answer":
        name, arguments = "complete_task", {"summary": said["content"]}
    else:
        name, arguments = asked.tools[0].name, said["arguments"]
    call = ProposedCall(id=f"call_{turn}", name=name, arguments=json_content(arguments))
    return reply(asked, call, said["content"])


def _goal(messages: tuple[Message, ...]) -> str:
    said = next(message.content for message in messages if message.role is Role.USER)
    return ((said.inline if said else None) or b"").decode()


def main() -> int:
    """Run until told to stop."""
    log_to_stderr()
    config = Config.from_env()
    serve_metrics(config.metrics_port)
    codec = Codec(LockRegistry())
    assert config.partitions
    with DefinitionFollower(KafkaDefinitionLog(config.kafka, codec)) as store:
        store.wait_ready(30)

        def contract(name: str, version: str, tenant: str) -> ToolContract | None:
            return store.current().tool(name, version, tenant)

        artifacts = FileArtifacts(config.need_home() / "artifacts")
        tools = ToolProcessor(contract, None, artifacts, modules=(defined.MODULE,))
        effects = LocalEffects(
            Served(MODEL_CALL, answer, at_once=10_000),
            Served(TOOL_CALL, tools.call, at_once=10_000),
            traces=Traces.from_env("bench"),
        )
        engine_config = EngineConfig(kafka=config.kafka, partitions=config.partitions)
        engine = Engine(engine_config, RUNS, codec, store, effects)
        collect_seldom()
        announce()
        try:
            return engine.run()
        finally:
            effects.close(0)


if __name__ == "__main__":
    sys.exit(main())
