"""A processor with one tool, and calls to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runfold.events.calls import ToolResult
from runfold.events.contents.content import Content, json_content
from runfold.events.definitions import ToolContract
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.infra.artifacts.port import ArtifactStore
from runfold.infra.secrets.memory import MemorySecrets
from runfold.processors.tool import ToolContext, ToolProcessor, contract_of
from runfold.processors.tool.builtin import builtin_contracts
from runfold.processors.tool.claims.memory import MemoryClaims
from runfold.processors.tool.claims.port import Claims
from runfold.processors.tool.settings import CodeCheck
from tests.effects.given import tool_work

MODULES = ("tests.tool.samples",)


class Bench:
    """A tool processor with the given tools, and what it keeps."""

    def __init__(
        self,
        *tools: Callable[..., Any] | ToolContract,
        claims: Claims | None = None,
        artifacts: ArtifactStore | None = None,
        secrets: Mapping[str, str] | None = None,
        modules: tuple[str, ...] = MODULES,
        code: CodeCheck = CodeCheck.REFUSE,
    ) -> None:
        known = [tool if isinstance(tool, ToolContract) else contract_of(tool) for tool in tools]
        self.contracts = {(found.name, found.version): found for found in known}
        self.artifacts = artifacts or MemoryArtifacts()
        self.processor = ToolProcessor(
            lambda name, version, _tenant: self.contracts.get((name, version)),
            claims or MemoryClaims(),
            self.artifacts,
            MemorySecrets(secrets),
            modules=modules,
            code=code,
        )

    def call(self, arguments: object = None, **more: object) -> ToolResult:
        """Call the first tool and wait for what comes of it."""
        return asyncio.run(self.acall(arguments, **more))

    async def acall(self, arguments: object = None, **more: object) -> ToolResult:
        """Call the first tool."""
        name, version = next(iter(self.contracts))
        said = arguments if isinstance(arguments, Content) else json_content(arguments or {})
        given: dict[str, Any] = {
            "tool": name,
            "tool_version": version,
            "arguments": said,
            "timeout_ms": 10_000,
            **more,
        }
        return await self.processor.call(tool_work(**given))


def builtin(name: str, **config: object) -> ToolContract:
    """A built-in tool's contract with its own setting."""
    contract = next(found for found in builtin_contracts() if found.name == name)
    return contract.model_copy(update={"config": config})


def context(root: Path) -> ToolContext:
    """A call's context for built-in tools used without a processor."""
    work = tool_work()
    return ToolContext(
        run_id=work.run_id,
        tenant_id=work.tenant_id,
        user_id=work.user_id,
        call_id=work.call_id,
        attempt=1,
        idempotency_key="k",
        deadline=datetime.now(UTC),
        artifacts=MemoryArtifacts(),
        config={"root": str(root)},
    )


def said(result: ToolResult) -> Any:
    """The result's JSON; fails where there is none."""
    assert result.result is not None, result.error
    assert result.result.inline is not None
    return json.loads(result.result.inline)


def error_type(result: ToolResult) -> str:
    """The kind of the result's error; fails where there is none."""
    assert result.error is not None, result.result
    return result.error.error_type
