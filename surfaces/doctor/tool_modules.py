"""Whether the modules of tools can be used by the processes that run tools."""

from __future__ import annotations

from collections.abc import Iterator

from runfold.stack.tool_modules import tool_modules
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Finding, note, ok, wrong

_TODO = "mend the module, or what it needs; then `runfold restart tools runs`, or wait 5 minutes"


def check(deployment: Deployment) -> Iterator[Finding]:
    """Find modules that a process could not import: calls of their tools fail."""
    if deployment.known is None:
        yield note("tools", "no stack runs in this home: `/health/live` of pools names what fails")
        return
    found = tool_modules(deployment.known)
    for each in found.faulty:
        yield wrong("tools", str(each), _TODO)
    for module in found.importing:
        yield note("tools", f"{module} is still being imported")
    if not found.faulty:
        yield ok("tools", "no module of tools is known to fail")
