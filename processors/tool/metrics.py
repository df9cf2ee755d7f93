"""What the tool processor counts."""

from __future__ import annotations

from runfold.infra.metrics.table import TABLE

FAULTY_MODULES = TABLE.gauge(
    "runfold_tool_modules_faulty",
    "modules of tools that could not be imported: calls of their tools fail until they are mended",
    process="run processor, tool pool",
)
CLAIMS = TABLE.counter(
    "runfold_claims",
    "what calls of tools with side effects were told about their claim: run, answered (by an "
    "earlier execution), conflict, busy, uncertain; unavailable where the store did not answer",
    ["verdict"],
    process="run processor, tool pool",
)
