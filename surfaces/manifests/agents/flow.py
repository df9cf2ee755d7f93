"""The manifest of a flow, also as it stands with nothing but its steps [6]."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runfold.events.definitions import AgentDefinition, ModelChoice
from runfold.events.definitions.agents.flow import Flow, FlowStep, problems_of
from runfold.events.expected import unexpected
from runfold.events.values import Limits
from runfold.infra.documents import Document
from runfold.processors.run.agent.controls.control_tools import ASK
from runfold.surfaces.manifests.problems import Remark

ASKS = "ask_"
"""How the tool is named by which an agent is asked, before the agent's name."""

FIRST_VERSION = "1.0.0"
NO_MODEL = "flow"
"""What stands in the place of a flow's model: it calls none."""

_A_DAY_MS = 24 * 60 * 60 * 1000


def is_bare(data: Any) -> bool:
    """Whether a document is a flow without the head of a manifest."""
    return isinstance(data, dict) and data.get("kind") == "Flow" and "apiVersion" not in data


def with_envelope(document: Document) -> None:
    """Give a flow the head that it lacks: named after its file, in the first version."""
    named = "".join(c if c.isalnum() else "-" for c in Path(document.file).stem.lower())
    metadata = {"name": named.strip("-") or "flow", "version": FIRST_VERSION}
    given = document.data.get("metadata")
    document.data = {
        **document.data,
        "apiVersion": "runfold/v1",
        "metadata": {**metadata, **(given if isinstance(given, dict) else {})},
    }
    document.bare = True


def lower_flow(document: Document) -> tuple[AgentDefinition | None, list[Remark]]:
    """Return the flow that a checked document declares, and what to tell its author."""
    metadata, spec = document.data["metadata"], document.data["spec"]
    steps = tuple(_step(each) for each in spec["steps"])
    for problem in problems_of(steps):
        document.refuse(("spec", "steps"), problem)
    for at, each in enumerate(spec["steps"]):
        if each.get("agent") == metadata["name"]:
            sentence = f"a flow that asks itself never ends: {each['agent']} is its own name"
            document.refuse(("spec", "steps", at, "agent"), sentence)
    if document.problems:
        return None, []
    tools = dict.fromkeys(step.tool for step in steps if step.tool != ASK)
    try:
        limits = Limits(**{"max_duration_ms": _A_DAY_MS, **spec.get("limits", {})})
    except ValidationError as fault:
        for each in unexpected(fault):
            document.refuse(("spec", "limits", *each.place), each.text)
        return None, []
    made = AgentDefinition(
        name=metadata["name"],
        version=metadata["version"],
        description=metadata.get("description", ""),
        instructions="",
        prompt_version=metadata["version"],
        model=ModelChoice(name=NO_MODEL),
        tools=tuple(tools),
        limits=limits,
        flow=Flow(steps=steps),
    )
    return made, _told(made, document)


def _step(said: dict[str, Any]) -> FlowStep:
    named = ("id", "attempts", "on_error", "input")
    given: dict[str, Any] = {name: said[name] for name in named if name in said}
    given["depends_on"] = tuple(said.get("depends_on", ()))
    if "agent" in said:
        return FlowStep(**given, tool=f"{ASKS}{said['agent']}")
    if "question" in said:
        asked = {"question": said["question"]}
        asked |= {"options": said["options"]} if "options" in said else {}
        return FlowStep(**given, tool=ASK).model_copy(update={"input": asked})
    return FlowStep(**given, tool=said["tool"])


def _told(made: AgentDefinition, document: Document) -> list[Remark]:
    if not document.bare:
        return []
    sentence = (
        f"published as {made.name} {made.version}: give it an apiVersion, a name and a version to "
        "publish another one"
    )
    return [document.remark(("spec",), sentence)]
