"""The actions and entity types that every deployment has; contracts add their own."""

from __future__ import annotations

TOOL_CALL = "tool.call"
RUN_START = "run.start"
MODEL_USE = "model.use"

TOOL_APPROVE = "tool.approve"
RUN_CONTROL = "run.control"

ACTIONS = (TOOL_CALL, RUN_START, MODEL_USE, TOOL_APPROVE, RUN_CONTROL)
"""Actions that no contract may name as its own."""

TYPES = ("Action", "Agent", "Model", "Role", "Run", "Tenant", "Tool", "User")
"""Entity types that no contract may name as its own."""
