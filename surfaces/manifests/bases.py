"""What a tool manifest can be built on: built-in tools, and functions marked as tools."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress

from runfold.events.definitions import AgentDefinition, Definition, ToolContract
from runfold.events.values import Placement
from runfold.infra.secrets.taking import environment_for_others
from runfold.processors.run.children.requesting import AGENT
from runfold.surfaces.manifests.agents.flow import ASKS
from runfold.surfaces.manifests.importing import described
from runfold.surfaces.manifests.tool import BaseOf, UnusableBaseError

_WAIT_S = 60.0

Describe = Callable[[str], Mapping[str, str]]
"""Imports a function's module and returns its contract as JSON, or what is wrong."""


_A_DAY_MS = 24 * 60 * 60 * 1000


def of_agent(named: str) -> ToolContract:
    """Return what is known of a tool whose calls an agent makes: it is asked for a goal.

    Asking does nothing outside; what the agent does is judged where it does it.
    """
    name, _, version = named.partition("@")
    return ToolContract(
        name=f"ask_{name}",
        version=version or "1.0.0",
        description=f"Asks the agent {name} to do something, and returns what it found.",
        input_schema={
            "type": "object",
            "properties": {"goal": {"type": "string", "description": "what it is to do"}},
            "required": ["goal"],
            "additionalProperties": False,
        },
        risk_level=0,
        timeout_ms=_A_DAY_MS,
        placement=Placement.RUN,
        implementation=f"{AGENT}{named}",
    )


def asked_in(definitions: Iterable[Definition]) -> Iterator[ToolContract]:
    """Yield the tools by which flows ask agents, as they are where nobody declares them."""
    for each in definitions:
        if isinstance(each, AgentDefinition) and each.flow is not None:
            for name in each.tools:
                if name.startswith(ASKS):
                    yield of_agent(name.removeprefix(ASKS))


def imported_here(implementation: str) -> Mapping[str, str]:
    """Describe a function by importing its module into this process, as tests do."""
    return described(implementation)


def imported_apart(implementation: str) -> Mapping[str, str]:
    """Describe a function in a process of its own, without secrets, bounded in time and memory."""
    env = environment_for_others()
    env["PYTHONPATH"] = os.pathsep.join(each or os.getcwd() for each in sys.path)  # noqa: PTH109
    with subprocess.Popen(
        [sys.executable, "-m", "runfold.surfaces.manifests.importing"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=env,
        start_new_session=True,
    ) as child:
        try:
            answer, _ = child.communicate(implementation.encode(), timeout=_WAIT_S)
            found: dict[str, str] = json.loads(answer)
        except subprocess.TimeoutExpired:
            return {"fault": f"its module was not imported within {_WAIT_S:.0f} s"}
        except ValueError:
            return {"fault": f"the process that imported its module ended with {child.returncode}"}
        finally:
            # Whatever the module started goes with it.
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
    return found


def bases(
    builtins: Iterable[ToolContract],
    modules: Collection[str] = (),
    *,
    describe: Describe = imported_apart,
) -> BaseOf:
    """Return a look-up of what the implementations say of themselves.

    Only ``modules`` and what is inside them is imported, by ``describe``; any other Python tool is
    unknown here, and its manifest must say everything.
    """
    shipped = {each.implementation: each for each in builtins}

    def base_of(implementation: str) -> ToolContract | None:
        if implementation.startswith(AGENT):
            return of_agent(implementation.removeprefix(AGENT))
        if not implementation.startswith("python:"):
            return shipped.get(implementation)
        module = implementation.split(":")[1]
        if not any(module == each or module.startswith(f"{each}.") for each in modules):
            return None
        said = describe(implementation)
        if "contract" not in said:
            raise UnusableBaseError(f"{implementation} cannot be used: {said['fault']}")
        return ToolContract.model_validate_json(said["contract"])

    return base_of
