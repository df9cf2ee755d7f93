"""Names of spans and attributes: OpenTelemetry's for GenAI, and our own.

The GenAI names are those of semantic conventions 1.41; they are in development and move, so
nothing else in the code may spell one.
"""

from __future__ import annotations

from typing import Final

OPERATION: Final = "gen_ai.operation.name"
INVOKE_AGENT: Final = "invoke_agent"
CHAT: Final = "chat"
EXECUTE_TOOL: Final = "execute_tool"
SELECT_CONTEXT: Final = "select_context"
"""Our own: the conventions have no operation for it."""

PROVIDER: Final = "gen_ai.provider.name"
AGENT_NAME: Final = "gen_ai.agent.name"
AGENT_VERSION: Final = "gen_ai.agent.version"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_creation.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"

SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
TOOL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_RESULT: Final = "gen_ai.tool.call.result"
"""Content: what somebody said. Only with RUNFOLD_TRACE_CONTENT=1."""

ERROR_TYPE: Final = "error.type"

RUN_ID: Final = "runfold.run.id"
CALL_ID: Final = "runfold.call.id"
ATTEMPT: Final = "runfold.call.attempt"
TENANT: Final = "runfold.tenant.id"
PROMPT_VERSION: Final = "runfold.prompt.version"
TOOL_VERSION: Final = "runfold.tool.version"
IDEMPOTENCY_KEY: Final = "runfold.idempotency.key"
REPEATED: Final = "runfold.call.repeated"
COST_USD: Final = "runfold.usage.cost_usd"
UNPRICED: Final = "runfold.usage.unpriced"
EXIT_STATUS: Final = "runfold.exit.status"
EXIT_CODE: Final = "runfold.exit.code"
OUTCOME: Final = "runfold.outcome"
PROVIDER_ATTEMPTS: Final = "runfold.provider.attempts"
EVENT_SEQ: Final = "runfold.event.seq"
EVENT_ACTOR: Final = "runfold.event.actor"
CONTEXT_SOURCES: Final = "runfold.context.sources"
CONTEXT_BUDGET: Final = "runfold.context.budget_tokens"
CONTEXT_TOKENS: Final = "runfold.context.tokens"
CONTEXT_SELECTED: Final = "runfold.context.selected"
CONTEXT_DROPPED: Final = "runfold.context.dropped"
CONTEXT_QUERY: Final = "runfold.context.query"
DETAIL: Final = "runfold.detail"
APPROVAL: Final = "approval"
"""The span of a person's decision: from the request to the answer."""
