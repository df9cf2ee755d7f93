"""Whether the code of Python tools is here what it was when their contracts were published."""

from __future__ import annotations

from collections.abc import Iterator

from runfold.events.definitions import State, ToolContract
from runfold.processors.tool.python.code_check import differs
from runfold.processors.tool.settings import ToolSettings
from runfold.surfaces.application.governing.definitions import read_definitions
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Finding, ok, warning


def check(deployment: Deployment) -> Iterator[Finding]:
    """Find live tools whose code is another here, among the modules that may be imported."""
    modules = ToolSettings.from_env().modules
    definitions = read_definitions(deployment.reader)
    looked = 0
    for each in definitions:
        made = each.definition
        if not isinstance(made, ToolContract) or made.code_digest is None:
            continue
        live = definitions.resolve("tool", made.name, None, each.tenant).published
        module = made.implementation.split(":")[1]
        trusted = any(module == one or module.startswith(f"{one}.") for one in modules)
        if each.state is not State.ACTIVE or live is None or live.definition is not made:
            continue
        if trusted:
            looked += 1
        if trusted and differs(made):
            yield warning(
                "code",
                f"tool {made.name}@{made.version} was published with other code than is here",
                "deploy the code that was published, or publish this code under a new version",
            )
    yield ok("code", f"{looked} Python tools were compared with what was published")
