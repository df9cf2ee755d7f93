"""CrewAI: agents are roles with a goal and a story; their tasks are what runs are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runfold.infra.documents import Document
from runfold.surfaces.manifests.others.made import Made, model_named, tools_named
from runfold.surfaces.manifests.problems import Remark

_CARRIED = {"role", "goal", "backstory", "llm", "tools", "max_iter", "max_execution_time"}
_WHY = {
    "allow_delegation": "delegation to other agents is not offered yet",
    "allow_code_execution": "code runs in tools only",
    "max_rpm": "requests a minute are not limited by an agent: see docs/tenants.md",
}


def is_crew(data: dict[str, Any]) -> bool:
    """Return whether it is an ``agents.yaml`` or a ``tasks.yaml``."""
    return bool(data) and all(_is_agent(each) or _is_task(each) for each in data.values())


def read_crew(document: Document) -> tuple[list[Made], list[Remark]]:
    """Return the agents of a document, and remarks on its tasks."""
    made = [_agent(document, key, said) for key, said in _entries(document, _is_agent)]
    told = []
    for key, said in _entries(document, _is_task):
        who = f" --agent {said['agent']}" if isinstance(said.get("agent"), str) else ""
        sentence = (
            f"not honoured: tasks are not run yet; ask for it: runfold run{who} with it as goal"
        )
        told.append(document.remark((key,), sentence))
    return made, told


def _entries(document: Document, fits: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((key, each) for key, each in document.data.items() if fits(each))


def _is_agent(said: Any) -> bool:
    return isinstance(said, dict) and "role" in said and bool({"goal", "backstory"} & set(said))


def _is_task(said: Any) -> bool:
    return isinstance(said, dict) and {"description", "expected_output"} <= set(said)


def _agent(document: Document, key: str, said: dict[str, Any]) -> Made:
    made = Made(document, (key,), said, key)
    goal, story = made.text("goal"), made.text("backstory")
    parts = (made.text("role"), f"Your goal: {goal}" if goal else "", story)
    role = "\n\n".join(part for part in parts if part)
    if role:
        made.spec["role"] = role
    if "{" in role:
        sentence = "what stands in braces is not filled in: say it in the goal of the run"
        made.told.append(document.remark((key,), sentence))
    if named := made.text("llm"):
        made.spec["llm"] = model_named(named)
    tools = said.get("tools")
    if isinstance(tools, list) and all(isinstance(each, str) for each in tools):
        made.spec["tools"] = tools_named(tools)
    elif tools is not None:
        made.lost("tools", "it should be a list of names")
    made.number("max_iter", ("completion", "max_iterations"))
    made.number("max_execution_time", ("constraints", "performance", "timeoutSeconds"))
    made.tell_the_rest(_CARRIED, _WHY)
    return made
