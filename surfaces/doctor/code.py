"""Whether Python tools can be called here, with the code they were published with."""

from __future__ import annotations

from collections.abc import Iterator

from runfold.events.definitions import State, ToolContract
from runfold.processors.tool.python.code_check import differs
from runfold.processors.tool.settings import ToolSettings
from runfold.stack.tool_modules import ToolModules, tool_modules
from runfold.surfaces.application.governing.definitions import read_definitions
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Finding, ok, warning, wrong


def check(deployment: Deployment) -> Iterator[Finding]:
    """Find live tools that no process here may import, or whose code is another here."""
    modules = ToolSettings.from_env().modules
    here = tool_modules(deployment.known) if deployment.known is not None else ToolModules()
    definitions = read_definitions(deployment.reader)
    looked = 0
    for each in definitions:
        made = each.definition
        if not isinstance(made, ToolContract) or not made.implementation.startswith("python:"):
            continue
        live = definitions.resolve("tool", made.name, None, each.tenant).published
        if each.state is not State.ACTIVE or live is None or live.definition is not made:
            continue
        module = made.implementation.split(":")[1]
        why = here.why_unusable(module)
        # What fails to be imported was found before.
        if why and not any(faulty.module == module for faulty in here.faulty):
            todo = "set it and restart those parts, or withdraw the tool"
            yield wrong("code", f"calls of tool {made.name}@{made.version} fail: {why}", todo)
        trusted = made.code_digest is not None and any(
            module == one or module.startswith(f"{one}.") for one in modules
        )
        if trusted:
            looked += 1
        if trusted and differs(made):
            yield warning(
                "code",
                f"tool {made.name}@{made.version} was published with other code than is here",
                "deploy the code that was published, or publish this code under a new version",
            )
    yield ok("code", f"{looked} Python tools were compared with what was published")
