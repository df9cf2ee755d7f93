"""How a tool call appears in a trace, by OpenTelemetry's conventions for generative AI."""

from __future__ import annotations

from runfold.events.calls import ToolResult, ToolWork
from runfold.infra.tracing import names
from runfold.infra.tracing.calls import CallSpan, shown
from runfold.infra.tracing.spans import Value


def _name(work: ToolWork) -> str:
    return f"{names.EXECUTE_TOOL} {work.tool}"


def _attributes(work: ToolWork, result: ToolResult) -> dict[str, Value]:
    return {
        names.OPERATION: names.EXECUTE_TOOL,
        names.TOOL_NAME: work.tool,
        names.TOOL_TYPE: "function",
        names.TOOL_CALL_ID: work.call_id,
        names.TOOL_VERSION: work.tool_version,
        names.IDEMPOTENCY_KEY: work.idempotency_key,
        names.OUTCOME: result.outcome.value,
        names.REPEATED: result.repeated,
    }


def _content(work: ToolWork, result: ToolResult) -> dict[str, Value]:
    said: dict[str, Value] = {names.TOOL_ARGUMENTS: shown(work.arguments)}
    if result.result is not None:
        said[names.TOOL_RESULT] = shown(result.result)
    return said


SPAN = CallSpan(_name, _attributes, _content)
