"""A tool processor whose Python tools run in children, and calls of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar

from runfold.events.calls import ToolResult
from runfold.events.contents.content import json_content
from runfold.events.definitions import ToolContract
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.infra.secrets.memory import MemorySecrets
from runfold.processors.effects.loop import LoopThread
from runfold.processors.tool import ToolProcessor, contract_of
from runfold.processors.tool.children.children import Children
from runfold.processors.tool.children.settings import ChildSettings
from runfold.processors.tool.claims.memory import ClaimTable, MemoryClaims
from runfold.processors.tool.dying.deaths import Deaths
from runfold.processors.tool.dying.poison import PoisonGuard
from tests.effects.given import tool_work
from tests.hard.tools import hostile

T = TypeVar("T")

MODULE = "tests.hard.tools.hostile"
SETTINGS = ChildSettings(memory_mb=256)


class Nest:
    """One process's tools, claims, secrets and artifacts; use as ``with``."""

    def __init__(
        self,
        *contracts: ToolContract,
        settings: ChildSettings = SETTINGS,
        secrets: Mapping[str, str] | None = None,
        masks: tuple[str, ...] = (),
        deaths: Path | None = None,
        modules: tuple[str, ...] = (MODULE,),
    ) -> None:
        self.artifacts = MemoryArtifacts()
        self.claims = ClaimTable()
        own = [contract_of(each) for each in hostile.TOOLS]
        self.contracts = {each.name: each for each in (*own, *contracts)}
        self.children = Children(modules, settings, masks)
        guard = PoisonGuard(Deaths(deaths)) if deaths is not None else None
        self.processor = ToolProcessor(
            lambda name, _version, _tenant: self.contracts.get(name),
            MemoryClaims(self.claims),
            self.artifacts,
            MemorySecrets(secrets),
            masks=masks,
            poison=guard,
            children=self.children,
        )
        self._calls = 0

    async def call(self, name: str, /, timeout_ms: int = 20_000, **arguments: Any) -> ToolResult:
        """Make a call that is unlike all others."""
        self._calls += 1
        return await self.call_of(f"run.{self._calls}", name, 1, timeout_ms, **arguments)

    async def call_of(
        self,
        call_id: str,
        name: str,
        attempt: int = 1,
        timeout_ms: int = 20_000,
        /,
        **arguments: Any,
    ) -> ToolResult:
        """Make an attempt of a call by its id."""
        work = tool_work(
            tool=name,
            tool_version="1.0.0",
            call_id=call_id,
            attempt=attempt,
            idempotency_key=call_id,
            arguments=json_content(arguments),
            timeout_ms=timeout_ms,
        )
        return await self.processor.call(work)

    def __enter__(self) -> Self:
        """Let the children live on a loop of their own until the end of the block."""
        self._loop = LoopThread("nest")
        self._loop.run(self.children.__aenter__())
        return self

    def __exit__(self, *_error: object) -> None:
        """End them."""
        self._loop.run(self.children.__aexit__(None, None, None))
        self._loop.stop()

    def run(self, story: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do something on the loop of the children."""
        return self._loop.run(story(), 120)

    def one(self, name: str, /, timeout_ms: int = 20_000, **arguments: Any) -> ToolResult:
        """Make one call."""
        return self.run(lambda: self.call(name, timeout_ms, **arguments))


def with_cap(memory_mb: int) -> ChildSettings:
    """Settings with another bound of memory."""
    return replace(SETTINGS, memory_mb=memory_mb)


def value(result: ToolResult) -> Any:
    """What a call returned; fails where it did not."""
    assert result.result is not None, result.error
    assert result.result.inline is not None
    return json.loads(result.result.inline)


def fault(result: ToolResult) -> tuple[str, str, str]:
    """The outcome of a call that failed, the kind of its error, and its message."""
    assert result.error is not None, result.result
    return result.outcome.value, result.error.error_type, result.error.message


def lives(pid: int) -> bool:
    """Whether a process is there and not only waits to be noticed."""
    return bool(_state_of(Path(f"/proc/{pid}"))[:1] not in ("", "Z"))


def members_of(group: int) -> list[str]:
    """The processes of a group that live."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        fields = _state_of(place).split()
        if fields and fields[0] != "Z" and fields[2] == str(group):
            found.append(place.name)
    return found


def _state_of(place: Path) -> str:
    try:
        return (place / "stat").read_text().rpartition(")")[2].strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def children_of(parent: int) -> set[int]:
    """The processes for tools that a process started itself."""
    return {
        int(place.name)
        for place in Path("/proc").glob("[0-9]*")
        if _state_of(place).split()[1:2] == [str(parent)]
        and b"children.inside" in _command_of(place)
    }


def _command_of(place: Path) -> bytes:
    try:
        return (place / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
