"""What an application engineer has on the first day: a tool, an agent, a provider of models."""

from __future__ import annotations

import json
from typing import Any

from tests.model.server import Answer, Asked, chat, chat_call

TOOL = '''
"""The price list of a shop."""

from runfold import tool

PRICES = {"shoe": 40}


@tool(name="prices.look", risk_level=0)
def look(article: str) -> str:
    """Say what an article costs, in euros."""
    return f"{article} costs {PRICES[article]} euros"


@tool(name="orders.place", risk_level=3, approval="always", idempotent=True)
def place(article: str) -> str:
    """Order an article; somebody approves it first."""
    return f"{article} is ordered"
'''

AGENTS = """
apiVersion: ossa/v0.4
kind: Agent
metadata: {name: clerk, version: "1.0.0"}
spec:
  role: Answer what an article costs.
  llm: {provider: openai, model: gpt-4o}
  tools: [{type: function, name: prices.look}]
---
apiVersion: ossa/v0.4
kind: Agent
metadata: {name: buyer, version: "1.0.0"}
spec:
  role: Order what is asked for.
  llm: {provider: openai, model: gpt-4o}
  tools: [{type: function, name: orders.place}]
---
apiVersion: runfold/v1
kind: Tool
metadata: {name: prices.look, version: "1.0.0"}
spec: {use: "python:shop_tools:look"}
---
apiVersion: runfold/v1
kind: Tool
metadata: {name: orders.place, version: "1.0.0"}
spec: {use: "python:shop_tools:place"}
"""

PROGRAM = """
import runfold

with runfold.connect() as client:
    run = client.run("shoe", agent="clerk")
    ended = run.wait(timeout=120)
    print(ended.status, ended.exit_code, ended.payload)
"""


def answer_to(asked: Asked) -> Answer:
    """Answer as a model would: call the first tool with the goal, then say what came of it."""
    names = [each["function"]["name"] for each in asked.body["tools"]]
    said = asked.body["messages"]
    if said[-1]["role"] == "tool":
        return _calls("complete_task", {"summary": _text(said[-1]["content"])})
    goal = _text(next(each for each in said if each["role"] == "user")["content"])
    own = next(name for name in names if name.startswith(("prices", "orders")))
    return _calls(own, {"article": "shoe" if "shoe" in goal else goal})


def _calls(name: str, arguments: dict[str, Any]) -> Answer:
    call = chat_call("call-1", name, json.dumps(arguments))
    return Answer(body=chat(calls=[call], finish="tool_calls"))


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(each.get("text", "") for each in content)
