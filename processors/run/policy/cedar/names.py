"""The actions and entity types that every deployment has; contracts add their own."""

from __future__ import annotations

TOOL_CALL = "tool.call"
RUN_START = "run.start"
MODEL_USE = "model.use"

TOOL_APPROVE = "tool.approve"
RUN_CONTROL = "run.control"

MEMORY_READ = "memory.read"
MEMORY_WRITE = "memory.write"
DOCUMENT_READ = "document.read"

DEFINITION_PUBLISH = "definition.publish"
RELEASE_PROMOTE = "release.promote"

RESERVED = (
    TOOL_CALL,
    RUN_START,
    MODEL_USE,
    TOOL_APPROVE,
    RUN_CONTROL,
    DEFINITION_PUBLISH,
    RELEASE_PROMOTE,
)
"""Actions that no contract may name as its own."""

NAMEABLE = {MEMORY_READ: "Memory", MEMORY_WRITE: "Memory", DOCUMENT_READ: "Document"}
"""Actions that every deployment has and contracts may name, each on resources of one type."""

PEOPLES = frozenset({DEFINITION_PUBLISH, RELEASE_PROMOTE})
"""Actions of people outside of runs: only rules whose head names them are heard."""

IN_RUNS = frozenset({TOOL_APPROVE, RUN_CONTROL})
"""Actions of people in a run."""

ACTIONS = (*RESERVED, *NAMEABLE)
"""The actions that rules may always speak of."""

TYPES = (
    "Action",
    "Agent",
    "Definition",
    "Document",
    "Memory",
    "Model",
    "Role",
    "Run",
    "Tenant",
    "Tool",
    "User",
)
"""The entity types that rules may always speak of; contracts have theirs beside them."""
