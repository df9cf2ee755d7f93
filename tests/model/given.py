"""Model calls as the run processor hands them out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from runfold.events.calls import Message, ModelResult, ModelWork, Role, ToolSchema
from runfold.events.contents.content import canonical_json, json_content, text
from runfold.events.definitions import ModelScript
from runfold.events.values import Attribution, DataClassification, ProposedCall
from runfold.processors.model.processor import ModelProcessor
from runfold.processors.model.providers.settings import ModelSettings

KEY = "sk-canary-0123456789abcdef"


def tool(name: str, **properties: Any) -> ToolSchema:
    schema = canonical_json({"type": "object", "properties": properties})
    return ToolSchema(name=name, description=f"does {name}", input_schema=schema)


TOOLS = (tool("files.read", path={"type": "string"}), tool("complete_task"))


def user(said: str) -> Message:
    return Message(role=Role.USER, content=text(said))


def assistant(said: str | None, *calls: ProposedCall, **more: Any) -> Message:
    content = text(said) if said is not None else None
    return Message(role=Role.ASSISTANT, content=content, tool_calls=calls, **more)


def proposed(call_id: str, name: str, arguments: object) -> ProposedCall:
    return ProposedCall(id=call_id, name=name, arguments=json_content(arguments))


def result(call_id: str, value: object, *, is_error: bool = False) -> Message:
    return Message(role=Role.TOOL, content=json_content(value), call_id=call_id, is_error=is_error)


def work(*messages: Message, **more: Any) -> ModelWork:
    given: dict[str, Any] = {
        "run_id": "run",
        "tenant_id": "tenant",
        "call_id": "run.1",
        "attempt": 1,
        "model": "openai:gpt-4o",
        "fallbacks": (),
        "instructions": text("You triage logs."),
        "messages": messages or (user("Look at kafka.log"),),
        "tools": TOOLS,
        "timeout_ms": 5_000,
        "attribution": Attribution(
            user_id="user", agent="a", agent_version="1.0.0", prompt_version="p"
        ),
        "data_classification": DataClassification.INTERNAL,
        "traceparent": "00-0-0-00",
    }
    return ModelWork(**{**given, **more})


def settings(**env: str) -> ModelSettings:
    return ModelSettings.from_environment(env)


def scripts(*found: ModelScript) -> Callable[[str, str], ModelScript | None]:
    by_name = {script.name: script for script in found}
    return lambda name, _tenant: by_name.get(name)


def script(*turns: dict[str, Any], name: str = "demo") -> ModelScript:
    return ModelScript.model_validate({"name": name, "version": "1.0.0", "turns": turns})


def call(
    given: ModelWork,
    configured: ModelSettings | None = None,
    *model_scripts: ModelScript,
    **more: Any,
) -> ModelResult:
    """Make one call on a processor of its own."""

    async def once() -> ModelResult:
        async with ModelProcessor(
            configured or settings(), scripts(*model_scripts), **more
        ) as models:
            return await models.call(given)

    return asyncio.run(once())
