"""The server of the protocol: its methods, over the use cases; it keeps nothing between them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import closing
from importlib.metadata import version
from typing import Any, TypeVar

from mcp.server.caching import CacheHint
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Tool,
)
from pydantic import ValidationError

from runfold.events.expected import unexpected
from runfold.surfaces.application.errors import InvalidError
from runfold.surfaces.http.access.identity import READ, WRITE, need_scope
from runfold.surfaces.http.gateway import Gateway
from runfold.surfaces.mcp import resources
from runfold.surfaces.mcp.asking import TASKS, Asking, Context
from runfold.surfaces.mcp.known import Known
from runfold.surfaces.mcp.listing import cursor_of, place_of, scopes_in
from runfold.surfaces.mcp.resources import Artifacts
from runfold.surfaces.mcp.tools import tasks
from runfold.surfaces.mcp.tools.agents import AgentTool, agents_of
from runfold.surfaces.mcp.tools.following import (
    USUAL_WAIT_S,
    only_asked_for,
    ran,
    resumed_run,
    wait,
    where_it_stands,
)
from runfold.surfaces.mcp.tools.results import came_to, failed, is_bug
from runfold.surfaces.mcp.tools.run_tools import (
    RUN_AGENT,
    RUN_TOOLS,
    TAKEN,
    RunAgent,
    run_agent_tool,
)
from runfold.surfaces.mcp.tools.starting import start

T = TypeVar("T")
Answer = CallToolResult | InputRequiredResult | dict[str, Any]

_log = logging.getLogger("runfold.gateway")
_PAGE = 100
_CALL = "MCP tools/call"
INSTRUCTIONS = (
    "Tools named after agents ask that agent to achieve a goal and wait for a while; the run goes "
    "on whatever becomes of the call, and get_run says how it stands. Where a run waits for a "
    "person, decide nothing yourself: ask the person, then call approve or answer."
)


class Methods:
    """What the protocol's methods do, for one gateway."""

    def __init__(self, gateway: Gateway, artifacts: Artifacts) -> None:
        self._gateway = gateway
        self._artifacts = artifacts
        self._known = Known(gateway.reader)

    async def list_tools(
        self, ctx: Context, params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        """List what the caller's key lets it call; with ``scopes`` what these suffice for."""
        asking = Asking.of(self._gateway, ctx)
        shown = await self.tools_of(asking, scopes_in(asking.params))
        after = place_of(params.cursor if params else None)
        left = [tool for tool in shown if tool.name > after]
        more = cursor_of(left[_PAGE - 1].name) if len(left) > _PAGE else None
        return ListToolsResult(tools=left[:_PAGE], next_cursor=more)

    async def tools_of(self, asking: Asking, scopes: frozenset[str] | None) -> list[Tool]:
        """Return every tool that a caller may call, by name."""
        caller = asking.caller
        own = [tool for tool in RUN_TOOLS if caller.may(tool.scope)]
        if scopes is not None:
            own = [tool for tool in own if tool.scope in scopes]
        shown = [tool.shown() for tool in own]
        if caller.may(WRITE):
            shown += [run_agent_tool()] if scopes is None or WRITE in scopes else []
            usable = None if scopes is None else scopes & frozenset(caller.run_scopes)
            shown += [each.shown() for each in await self._agents(asking, usable)]
        return sorted(shown, key=lambda tool: tool.name)

    async def call_tool(self, ctx: Context, params: CallToolRequestParams) -> Answer:
        """Call a tool; what goes wrong within it is a result that says so."""
        asking = Asking.of(self._gateway, ctx)
        arguments = params.arguments or {}
        try:
            with self._gateway.use.under_way(asking.caller.key_id):
                return await self._called(asking, params, arguments)
        except MCPError:
            raise
        except ValidationError as error:
            return failed(InvalidError(_fault_in(error)))
        except Exception as error:  # noqa: BLE001 - a client is answered, whatever it was
            if is_bug(error):
                _log.exception("a tool failed", extra={"request_id": asking.caller.request_id})
            return failed(error)

    async def _called(
        self, asking: Asking, params: CallToolRequestParams, arguments: dict[str, Any]
    ) -> Answer:
        caller = asking.caller
        own = next((tool for tool in RUN_TOOLS if tool.name == params.name), None)
        if own is not None and caller.may(own.scope):
            return await own.call(asking, own.takes.model_validate(arguments))
        if own is None and caller.may(WRITE):
            if params.name == RUN_AGENT:
                said = RunAgent.model_validate(arguments)
                return await self._run_agent(asking, params, said)
            found = next(
                (each for each in await self._agents(asking) if each.name == params.name), None
            )
            if found is not None:
                return await self._run_tool(asking, params, found, found.checked(arguments))
        raise MCPError(INVALID_PARAMS, f"There is no tool {params.name[:200]!r} for this key.")

    async def _run_agent(
        self, asking: Asking, params: CallToolRequestParams, said: RunAgent
    ) -> Answer:
        run_id = await _gone_on_with(asking, params)
        resumed = run_id is not None
        if run_id is None:
            run_id = await start(
                asking, said.agent, said.goal, said.idempotency_key, said.thread_id
            )
            if not await asking.gateway.may_show(asking.caller, _CALL, run_id):
                return _unshown(asking, run_id, said.agent)
        if asking.takes_tasks:
            return await tasks.created(asking, run_id)
        if said.wait_s:
            came = await wait(asking, run_id, said.wait_s, resumed)
            return came if isinstance(came, InputRequiredResult) else came_to(came)
        return came_to(ran(await where_it_stands(asking, run_id)))

    async def _run_tool(
        self, asking: Asking, params: CallToolRequestParams, tool: AgentTool, arguments: Any
    ) -> Answer:
        own = tool.agent.input_schema is not None
        key, seconds = (
            (None, USUAL_WAIT_S)
            if own
            else (arguments.get("idempotency_key"), float(arguments.get("wait_s", USUAL_WAIT_S)))
        )
        run_id = await _gone_on_with(asking, params)
        resumed = run_id is not None
        if run_id is None:
            run_id = await start(asking, tool.agent.name, tool.goal_of(arguments), key)
            if not await asking.gateway.may_show(asking.caller, _CALL, run_id):
                return _unshown(asking, run_id, tool.agent.name)
        if asking.takes_tasks:
            return await tasks.created(asking, run_id)
        came = await wait(asking, run_id, seconds, resumed)
        if isinstance(came, InputRequiredResult):
            return came
        return came_to(came, tool.agent.output_schema)

    async def _agents(
        self, asking: Asking, scopes: frozenset[str] | None = None
    ) -> list[AgentTool]:
        known = await self._known.now()
        return list(agents_of(known, asking.caller.tenant_id, TAKEN, scopes))

    async def list_resources(
        self,
        ctx: Context,
        params: PaginatedRequestParams | None,  # noqa: ARG002 - one page
    ) -> ListResourcesResult:
        """List the newest runs."""
        asking = Asking.of(self._gateway, ctx)
        return await _asked(asking, resources.listed(asking))

    async def list_templates(
        self,
        ctx: Context,
        params: PaginatedRequestParams | None,  # noqa: ARG002 - one page
    ) -> ListResourceTemplatesResult:
        """List the forms of URIs."""
        return resources.templates(Asking.of(self._gateway, ctx))

    async def read_resource(
        self, ctx: Context, params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        """Read what a URI names."""
        asking = Asking.of(self._gateway, ctx)
        return await _asked(asking, resources.read(asking, self._artifacts, params.uri))

    def task_method(
        self, method: Callable[[Asking, Any], Coroutine[Any, Any, dict[str, Any]]]
    ) -> Callable[[Context, Any], Awaitable[dict[str, Any]]]:
        """Return a method of the tasks' extension as a handler."""

        async def handle(ctx: Context, params: Any) -> dict[str, Any]:
            asking = Asking.of(self._gateway, ctx)
            return await _asked(asking, method(asking, params))

        return handle


def make_server(gateway: Gateway, artifacts: Artifacts | None = None) -> Server[Any]:
    """Return the server of a gateway."""
    methods = Methods(gateway, artifacts or Artifacts())
    server: Server[Any] = Server(
        "runfold",
        version=version("runfold"),
        title="Runfold",
        instructions=INSTRUCTIONS,
        # What a key may see is its own: no cache may show it to another.
        cache_hints={"tools/list": CacheHint(ttl_ms=5_000, scope="private")},
        on_list_tools=methods.list_tools,
        on_call_tool=methods.call_tool,  # type: ignore[arg-type]
        on_list_resources=methods.list_resources,
        on_list_resource_templates=methods.list_templates,
        on_read_resource=methods.read_resource,
    )
    server.extensions = {TASKS: {}}
    for name, takes, method in (
        ("tasks/get", tasks.TaskParams, tasks.get),
        ("tasks/update", tasks.UpdateParams, tasks.update),
        ("tasks/cancel", tasks.TaskParams, tasks.cancel),
    ):
        server.add_request_handler(name, takes, methods.task_method(method))
    return server


async def _gone_on_with(asking: Asking, params: CallToolRequestParams) -> str | None:
    """Return the run that a request goes on with, None for a new one; raises Problem.

    Which run that is a client says: it is read as any run by its id.
    """
    run_id = resumed_run(params.request_state)
    if run_id is not None:
        need_scope(asking.caller, READ)
        await asking.gateway.note_read(asking.caller, _CALL, run_id)
    return run_id


def _unshown(asking: Asking, run_id: str, agent: str) -> Answer:
    """Return what a start is answered with where the run may not be shown."""
    return tasks.begun(run_id) if asking.takes_tasks else came_to(only_asked_for(run_id, agent))


async def _asked(asking: Asking, answer: Coroutine[Any, Any, T]) -> T:
    """Return an answer; what a use case raises is an error of the protocol."""
    try:
        with closing(answer), asking.gateway.use.under_way(asking.caller.key_id):
            return await answer
    except MCPError:
        raise
    except Exception as error:
        if is_bug(error):
            _log.exception("a request failed")
        raise resources.refused(error) from error


def _fault_in(error: ValidationError) -> str:
    first = unexpected(error)[0]
    where = "/".join(str(part)[:100] for part in first.place)
    return f"/{where} {first.text}."
