"""Tools of one name are one tool only where one definition stands behind them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from runfold.events.calls import Outcome, ToolResult, ToolWork
from runfold.events.contents.content import json_content
from runfold.events.definitions import Definitions, ToolContract
from runfold.infra.artifacts.memory import MemoryArtifacts
from runfold.infra.secrets.memory import MemorySecrets
from runfold.processors.effects.holds import CannotBeginError
from runfold.processors.effects.kinds import Served
from runfold.processors.effects.local import LocalEffects
from runfold.processors.tool import ToolProcessor, contract_of
from runfold.processors.tool.beginning.health import Health
from runfold.processors.tool.context import ToolContext
from runfold.processors.tool.kind import TOOL_CALL
from tests.effects.given import Inbox, settled, tool_work
from tests.tool import samples

READS = contract_of(samples.add).model_copy(update={"name": "reads", "output_schema": None})
SECRET = {"auth": ("key",)}


def published(*tools: tuple[str | None, ToolContract]) -> Definitions:
    """The definition store with these tools, each of a tenant or shared."""
    store = Definitions()
    for number, (owner, contract) in enumerate(tools, start=1):
        store = store.plus("tool", contract.body(), number, owner)
    return store


class Host:
    """Makes calls of tenants; calls of those in ``broken`` lose their connection."""

    def __init__(self, *tools: tuple[str | None, ToolContract]) -> None:
        self.broken: set[str] = set()
        self.slow: set[str] = set()
        self.may_end = asyncio.Event()
        store = published(*tools)
        self.processor = ToolProcessor(
            store.tool,
            None,
            MemoryArtifacts(),
            MemorySecrets({"key": "k"}),
            given={READS.implementation: self._run},
            health=Health(lambda: 0.0),
            source=partial(store.version, "tool"),
        )

    async def _run(self, _arguments: object, context: ToolContext) -> str:
        if context.tenant_id in self.slow:
            await self.may_end.wait()
        if context.tenant_id in self.broken:
            raise ConnectionError("away")
        return "read"

    def work(
        self,
        tenant: str,
        call_id: str = "r.1",
        version: str = READS.version,
        tool: str = "reads",
    ) -> ToolWork:
        return tool_work(
            call_id,
            tool=tool,
            tool_version=version,
            tenant_id=tenant,
            arguments=json_content({"left": 1}),
            by_permission=True,
            timeout_ms=5_000,
        )

    def call(self, tenant: str, **more: Any) -> str:
        """Return what came of a call, in a word."""
        work = self.work(tenant, **more)

        async def called() -> ToolResult:
            async with self.processor.ready(work) as make:
                return await make()

        try:
            result = asyncio.run(called())
        except CannotBeginError as hold:
            return hold.code
        return "read" if result.outcome is Outcome.SUCCEEDED else "failed"

    def breaks(self, tenant: str) -> None:
        """Let a tenant's calls fail until they are held."""
        self.broken.add(tenant)
        assert [self.call(tenant) for _ in range(6)] == ["failed"] * 5 + ["circuit_open"]


def varied(**changes: Any) -> ToolContract:
    return READS.model_copy(update=changes)


@pytest.mark.parametrize("theirs", [READS, varied(description="mine")])
def test_a_broken_tool_of_one_tenant_leaves_that_of_another_alone(theirs: ToolContract) -> None:
    # Word for word the same definition is still another one's.
    host = Host(("a", READS), ("b", theirs))
    host.breaks("a")
    assert host.call("b") == "read"


def test_a_broken_tool_that_is_shared_is_left_alone_by_all_who_share_it() -> None:
    host = Host((None, READS), ("b", READS))
    host.breaks("a")
    assert host.call("c") == "circuit_open"
    # Who has one of their own does not use it.
    assert host.call("b") == "read"


def test_a_shared_tool_with_secrets_is_broken_for_the_tenant_whose_they_are() -> None:
    host = Host((None, varied(**SECRET)))
    host.breaks("a")
    assert host.call("b") == "read"


SERVED = {"server": "crm"}


def served(name: str, **more: Any) -> ToolContract:
    return varied(name=name, **SERVED, **more)


def test_a_server_is_left_alone_where_several_of_its_tools_fail() -> None:
    host = Host((None, served("reads")), (None, served("finds")), (None, varied(name="adds")))
    host.broken.add("a")
    calls = [host.call("a", tool=name) for name in ("reads",) * 3 + ("finds",) * 2]
    assert calls == ["failed"] * 5
    assert [host.call("b", tool=name) for name in ("reads", "finds")] == ["circuit_open"] * 2
    assert host.call("b", tool="adds") == "read"
    assert host.processor._health.told() == {"tool": [], "server": ["crm"]}


@pytest.mark.parametrize(
    ("owner", "more"),
    # A server that another tenant names so is another one, and so it is with another's secrets.
    [("b", {}), (None, SECRET)],
)
def test_a_server_is_left_alone_for_whose_it_is(owner: str | None, more: dict[str, Any]) -> None:
    tools = [served(name, **more) for name in ("reads", "finds")]
    ours = [(owner and "a", tool) for tool in tools]
    host = Host(*ours, *((owner, tool) for tool in tools if owner))
    host.broken.add("a")
    for name in ("reads",) * 3 + ("finds",) * 2:
        host.call("a", tool=name)
    assert [host.call(tenant, tool="finds") for tenant in "ab"] == ["circuit_open", "read"]


def test_another_version_is_another_tool() -> None:
    host = Host((None, READS), (None, varied(version="2")))
    host.breaks("a")
    assert host.call("a", version="2") == "failed"


def test_turns_belong_to_the_owner_of_a_tool_and_to_all_its_versions() -> None:
    rare = {"max_per_minute": 1}
    host = Host((None, varied(**rare)), (None, varied(version="2", **rare)), ("b", varied(**rare)))
    assert host.call("a") == "read"
    # The service behind it is called by all tenants and versions together.
    assert host.call("c") == "rate_limited"
    assert host.call("a", version="2") == "rate_limited"
    assert [host.call("b") for _ in range(2)] == ["read", "rate_limited"]


def test_a_turn_is_not_lost_by_a_call_that_its_run_refuses() -> None:
    host = Host((None, varied(max_per_minute=1)))

    async def refused() -> None:
        async with host.processor.ready(host.work("a")):
            """It may not begin."""

    asyncio.run(refused())
    assert [host.call("a") for _ in range(2)] == ["read", "rate_limited"]


@pytest.mark.parametrize(("owner", "others"), [("b", 1), (None, 0)])
def test_a_cap_counts_calls_of_one_definition(owner: str | None, others: int) -> None:
    capped = varied(max_concurrency=1)
    tools = [("a", capped)] if owner else []
    host = Host(*tools, (owner, capped))
    host.slow.add("a")
    inbox = Inbox()
    tools_of = host.processor
    served = Served(TOOL_CALL, tools_of.call, 8, tools_of.cap, tools_of.ready, tools_of.group)
    effects = LocalEffects(served)
    effects.submit(host.work("a", "ra.1"), inbox.deliver)
    settled(effects)
    effects.submit(host.work("b", "rb.1"), inbox.deliver)
    inbox.wait(others)
    settled(effects)
    assert [each.run_id for each in inbox.results] == ["rb"][:others]  # type: ignore[attr-defined]
    effects.ping(host.may_end.set)
    inbox.wait(2)
    effects.close()
