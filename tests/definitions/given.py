"""Manifests for tests, written as short as they can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from runfold.events.definitions import Definitions, ModelScript, ScriptTurn, ToolContract
from runfold.surfaces.manifests import InvalidManifestsError, Manifests, load

AGENT = """\
apiVersion: ossa/v0.4
kind: Agent
metadata: {name: clerk, version: "1.0.0"}
spec:
  role: You keep the files in order.
  llm: {provider: openai, model: gpt-x}
"""

SCRIPT = """\
apiVersion: runfold/v1
kind: ModelScript
metadata: {name: filing, version: "1.0.0"}
spec:
  turns:
    - calls: [{name: complete_task, arguments: {summary: filed}}]
"""

TOOL = """\
apiVersion: runfold/v1
kind: Tool
metadata: {name: shelf.read, version: "1.0.0"}
spec:
  use: builtin:files.read
"""

READ = ToolContract(
    name="files.read",
    version="1.0.0",
    description="Read a file.",
    input_schema={"type": "object", "properties": {"path": {"type": "string"}}},
    implementation="builtin:files.read",
    config={"root": "/box", "max_bytes": 1000},
)

WRITE = READ.model_copy(
    update={"name": "files.write", "implementation": "builtin:files.write", "risk_level": 1}
)


def base_of(implementation: str) -> ToolContract | None:
    return {each.implementation: each for each in (READ, WRITE)}.get(implementation)


Load = Callable[..., Manifests]
Faults = Callable[..., list[str]]


def loader(folder: Path) -> Load:
    """Return a function that loads texts as files m0.yaml, m1.yaml … of the folder."""

    def loaded(
        *texts: str,
        env: Mapping[str, str] | None = None,
        published: Definitions | None = None,
        accept_remarks: bool = False,
    ) -> Manifests:
        paths = []
        for at, text in enumerate(texts):
            path = folder / f"m{at}.yaml"
            path.write_text(text, "utf-8")
            paths.append(path)
        return load(
            paths,
            env=env or {},
            base_of=base_of,
            builtins=(READ, WRITE),
            published=published,
            accept_remarks=accept_remarks,
        )

    return loaded


def faults_of(folder: Path) -> Faults:
    """Return a function that loads texts and returns the faults, without the folder's name."""

    def faults(*texts: str, **given: object) -> list[str]:
        with pytest.raises(InvalidManifestsError) as raised:
            loader(folder)(*texts, **given)
        return [str(each).removeprefix(f"{folder}/") for each in raised.value.problems]

    return faults


def script(name: str, version: str = "1.0.0") -> ModelScript:
    return ModelScript(name=name, version=version, turns=(ScriptTurn(text="done"),))
