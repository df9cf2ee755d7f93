"""A user's project: folders whose names were once ours, a module of tools, a small program."""

from __future__ import annotations

from pathlib import Path

from tests.docs.given import ROOMS, blocks

# Names of folders of this repository. A user may have any of them.
NAMES = (*ROOMS, "schemas", "examples", "tests", "benchmarks")

OWN = 'print("the project\'s own {name} was imported")\nOWNER = "the project"\n'

TOOLS = '''
"""Tools of a project that searches its orders."""

import opensearchpy

from runfold import ToolContext, tool


@tool(name="orders.search", risk_level=0, idempotent=True)
def search(words: str, context: ToolContext) -> dict[str, str]:
    """Search the orders."""
    client = opensearchpy.OpenSearch("http://127.0.0.1:9")
    return {"client": type(client).__module__, "words": words, "call": context.call_id}
'''

# The tool processor as a pool runs it, with claims and artifacts in memory.
CALL_THE_TOOL = """
import asyncio
import sys

import shop_tools

from runfold.events.calls import ToolWork
from runfold.events.contents.content import json_content
from runfold.events.values import Attribution
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.processors.tool import ToolProcessor, contract_of
from runfold.processors.tool.claims.memory import MemoryClaims

contract = contract_of(shop_tools.search)
del sys.modules["shop_tools"]  # the processor imports it by its name
processor = ToolProcessor(
    lambda *asked: contract, MemoryClaims(), MemoryArtifacts(), modules=("shop_tools",)
)
work = ToolWork(
    run_id="r", tenant_id="t", user_id="u", call_id="r.1", attempt=1,
    tool=contract.name, tool_version=contract.version, arguments=json_content({"words": "late"}),
    idempotency_key="k", timeout_ms=60000, traceparent="",
    attribution=Attribution(user_id="u", agent="a", agent_version="1", prompt_version="p"),
)
print(asyncio.run(processor.call(work)).result.inline.decode())
"""


def project(folder: Path) -> Path:
    """Make a project with a package of every name that this repository has at its top."""
    for name in NAMES:
        own = folder / name
        own.mkdir(parents=True)
        (own / "__init__.py").write_text(OWN.format(name=name), encoding="utf-8")
    (folder / "shop_tools.py").write_text(TOOLS, encoding="utf-8")
    return folder


def readme_program() -> str:
    """The first program of the README."""
    return next(b.text for b in blocks() if b.page == "README.md" and b.language == "python")
