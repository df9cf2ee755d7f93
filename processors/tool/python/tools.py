"""Tools written in Python: a decorator on a typed function gives its contract and its schemas.

    @tool(risk_level=3, idempotent=True)
    def refund(order_id: str, amount: Decimal, context: ToolContext) -> Refund:
        \"\"\"Pay an order back.\"\"\"

A parameter typed ``ToolContext`` is given by the runtime and is no argument. Processes of Runfold
run them in children (processors/tool/children); tests and programs that run them where they are
give each blocking one a thread. Only modules that the operator lists are ever imported. With
``reconcile=function`` a tool can tell whether a call that was cut off has happened
(processors/tool/python/reconciling.py).
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import typing
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import ModuleType
from typing import Any, TypedDict, TypeVar, Unpack

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model

from runfold.events.definitions import Approval, RetryPolicy, ToolContract
from runfold.events.definitions.tool import RiskName
from runfold.events.expected import unexpected
from runfold.events.values import Placement
from runfold.processors.tool.context import ToolContext
from runfold.processors.tool.errors import ToolRaisedError, ToolRefusedError
from runfold.processors.tool.execution import Implementation, first_line
from runfold.processors.tool.python.names import refusal_of
from runfold.processors.tool.python.reconciling import Reconciler, reconciler_of
from runfold.processors.tool.python.threads import in_thread

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__runfold_tool__"


class ToolOptions(TypedDict, total=False):
    """What a contract says that a signature does not."""

    name: str
    version: str
    description: str
    risk_level: int | RiskName
    timeout_ms: int
    retry: RetryPolicy
    idempotent: bool
    approval: Approval
    approval_timeout_ms: int | None
    placement: Placement
    config: dict[str, Any]
    auth: tuple[str, ...]
    scopes: tuple[str, ...]
    max_concurrency: int | None
    max_concurrency_total: int | None
    max_per_minute: int | None
    max_per_minute_total: int | None
    max_result_bytes: int
    owner: str
    cost_usd: Decimal
    untrusted_output: bool
    dry_run: dict[str, str]
    server: str
    reconcile: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class _PythonTool:
    contract: ToolContract
    arguments: type[BaseModel]
    context_name: str | None
    reconcile: Callable[..., Any] | None


def tool(**options: Unpack[ToolOptions]) -> Callable[[F], F]:
    """Mark a typed function as a tool; it stays an ordinary function.

    Declare its ``risk_level``, 0 to 4 or by name: a tool that declares none counts as an external
    side effect (3), is claimed before it runs, and people are asked from that level on.
    Raises TypeError for a parameter without a type, since the schema comes from the types.
    """

    def mark(function: F) -> F:
        setattr(function, _MARK, _described(function, options))
        return function

    return mark


def contract_of(function: Callable[..., Any]) -> ToolContract:
    """Return a marked function's contract, ready to be published."""
    return _tool_of(function).contract


def marked(module: ModuleType) -> dict[str, int | None]:
    """Return a module's tools by the names of their functions.

    Each with the milliseconds that its reconciler may take, None where it has none.
    """
    found = {}
    for name, value in tuple(vars(module).items()):
        described = getattr(value, _MARK, None)
        if isinstance(described, _PythonTool):
            limit = described.contract.timeout_ms if described.reconcile else None
            found[name] = limit
    return found


def reconciling_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that says what became of a tool's calls cut off."""
    found = _tool_of(function).reconcile
    if found is None:
        raise TypeError(f"{function!r} has no reconciler")
    return found


def python_implementation(target: str, allowed: Iterable[str]) -> Implementation:
    """Return what runs ``module:function``.

    Raises ToolRefusedError unless the module, or a package it is in, is ``allowed`` and the
    function is marked as a tool.
    """
    return implementation(_found(target, allowed))


def python_reconciler(target: str, allowed: Iterable[str]) -> Reconciler | None:
    """Return what settles cut-off calls of ``module:function``, None if it declares nothing.

    Raises as ``python_implementation`` does.
    """
    described = _tool_of(_found(target, allowed))
    if described.reconcile is None:
        return None
    return reconciler_of(described.reconcile, described.contract.timeout_ms / 1000)


def need_allowed(target: str, allowed: Iterable[str]) -> None:
    """Raise ToolRefusedError unless ``module:function`` may be a tool, and its module imported."""
    module = target.partition(":")[0]
    if never := refusal_of(f"python:{target}"):
        raise ToolRefusedError(f"There is no such tool: {never}.", error_type="denied")
    if not any(module == one or module.startswith(f"{one}.") for one in allowed):
        raise ToolRefusedError(
            f"This process may not import {module}.",
            error_type="denied",
            suggested_next_action="List the module in RUNFOLD_TOOL_MODULES if it is trusted.",
        )


def _found(target: str, allowed: Iterable[str]) -> Callable[..., Any]:
    need_allowed(target, allowed)
    module, _, name = target.partition(":")
    try:
        function = getattr(importlib.import_module(module), name, None)
    except Exception as error:
        raise _unavailable(f"{module} cannot be imported: {type(error).__name__}.") from error
    if function is None or not hasattr(function, _MARK):
        raise _unavailable(f"{module} has no tool {name!r}; mark the function with @tool.")
    found: Callable[..., Any] = function
    return found


def implementation(function: Callable[..., Any]) -> Implementation:
    """Return what runs a marked function; raises TypeError for one that is not marked."""
    _tool_of(function)

    async def run(arguments: Mapping[str, Any], context: ToolContext) -> object:
        values = prepared(function, arguments, context)
        if inspect.iscoroutinefunction(function):
            # In a task of its own, so that what it does to its task it does to no other.
            return await asyncio.create_task(_kept_in(function(**values)))
        return await in_thread(function, **values)

    return run


async def _kept_in(work: Coroutine[Any, Any, object]) -> object:
    try:
        return await work
    except (Exception, asyncio.CancelledError):
        raise
    except BaseException as error:
        # Out of a task it would end the loop.
        raise ToolRaisedError(
            type(error).__name__, first_line(error), passing=False, frames=()
        ) from error


def prepared(
    function: Callable[..., Any], arguments: Mapping[str, Any], context: ToolContext
) -> dict[str, Any]:
    """Return what a marked function is called with; raises ToolRefusedError where that fails."""
    described = _tool_of(function)
    try:
        given = described.arguments.model_validate(arguments)
    except ValidationError as error:
        found = unexpected(error)[0]
        where = ".".join(map(str, ("arguments", *found.place)))
        raise ToolRefusedError(f"{where} {found.text}", error_type="invalid_arguments") from error
    values = {name: getattr(given, name) for name in type(given).model_fields}
    if described.context_name:
        values[described.context_name] = context
    return values


def _described(function: Callable[..., Any], options: ToolOptions) -> _PythonTool:
    hints = typing.get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    context_name = None
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"{function.__qualname__}: a tool names each of its arguments")
        if name not in hints:
            raise TypeError(f"{function.__qualname__}: give {name} a type")
        if hints[name] is ToolContext:
            context_name = name
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[name] = (hints[name], default)
    arguments = create_model("Arguments", __config__=ConfigDict(extra="forbid"), **fields)
    output = hints.get("return", Any)
    schema = TypeAdapter(output).json_schema(mode="serialization") if output is not Any else None
    described: dict[str, Any] = {
        "name": function.__name__,
        "version": "1.0.0",
        "description": inspect.getdoc(function) or "",
        "placement": Placement.POOL,
        "input_schema": arguments.model_json_schema(),
        "output_schema": schema,
        "implementation": f"python:{function.__module__}:{function.__qualname__}",
    }
    said: dict[str, Any] = {**options}
    reconcile = said.pop("reconcile", None)
    contract = ToolContract(**{**described, **said})
    if contract.contradicts:
        raise TypeError(f"{contract.name}: at level 4 a person is asked, so approval is not never")
    return _PythonTool(contract, arguments, context_name, reconcile)


def _tool_of(function: Callable[..., Any]) -> _PythonTool:
    described = getattr(function, _MARK, None)
    if not isinstance(described, _PythonTool):
        raise TypeError(f"{function!r} is no tool; mark it with @tool")
    return described


def _unavailable(message: str) -> ToolRefusedError:
    return ToolRefusedError(
        message,
        error_type="unavailable",
        suggested_next_action="Mend the tool's contract or its module.",
    )
