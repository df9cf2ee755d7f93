"""The actions and entity types that every deployment has; contracts add their own."""

from __future__ import annotations

TOOL_CALL = "tool.call"
RUN_START = "run.start"
MODEL_USE = "model.use"

MEMORY_READ = "memory.read"
MEMORY_WRITE = "memory.write"
DOCUMENT_READ = "document.read"

DEFINITION_PUBLISH = "definition.publish"
RELEASE_PROMOTE = "release.promote"

RESERVED = (TOOL_CALL, RUN_START, MODEL_USE, DEFINITION_PUBLISH, RELEASE_PROMOTE)
"""Actions that no contract may name as its own."""

NAMEABLE = {MEMORY_READ: "Memory", MEMORY_WRITE: "Memory", DOCUMENT_READ: "Document"}
"""Actions that every deployment has and contracts may name, each on resources of one type."""

PEOPLES = frozenset({DEFINITION_PUBLISH, RELEASE_PROMOTE})
"""Actions of people: only rules whose head names them are heard."""

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
    "Tenant",
    "Tool",
    "User",
)
"""The entity types that rules may always speak of; contracts have theirs beside them."""
